"""The signal that a reference cannot be resolved at once."""


class NeedsCodeError(Exception):
    """To resolve this, code of others must run, or more than 10,000 keys be looked at.

    A signal to whoever must not be held up, such as the store's actor: do it again in a thread that may
    take its time, with `may_run_code=True`. Nothing has run yet. Not an `AssetError`: the reference may
    be right.
    """
