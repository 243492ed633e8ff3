"""Everything that can go wrong, as one tree.

* AssetError
    * AssetConfigurationError   the project file or a setting is wrong
    * UnknownAssetError         no asset of that name (also a KeyError)
    * AssetDownloadError        the source did not give the bytes
        * AssetAuthenticationError  the source wants credentials, or other ones
    * AssetVerificationError    the bytes are not the ones that were promised
    * AssetUnpackError          the archive is broken, hostile or too large
    * AssetCacheError           the disk did not take the bytes
    * AssetRefError             a reference leads nowhere, or to what is no data (also a LookupError)
    * PluginCallError           a plugin was not called, or did not answer

The kind of a failure is its type, what it is about are its attributes. The text of an error says what
failed, on which asset, and what to do. It never holds a secret: URLs come without userinfo and query.
"""

from collections.abc import Sequence
from pathlib import Path


class AssetError(Exception):
    """Something about an asset failed. The root of the tree.

    Errors copy and pickle, so that each of many waiters is handed an instance (and a traceback) of its own.

    Args:
        problem: What failed, as a clause without a full stop.
        asset_name: The asset it failed on, None where no single one is meant.
        fix: What to do about it, as one or more whole sentences; None where nobody knows.

    Attributes:
        attempts: What went wrong in each attempt, oldest first, one clause each; empty where one attempt
            was all there was.
    """

    def __init__(self, problem: str, *, asset_name: str | None = None, fix: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.asset_name = asset_name
        self.fix = fix
        self.attempts: tuple[str, ...] = ()

    def __str__(self) -> str:
        # A name may hold half a character, as paths and arguments that are no UTF-8 do; no log takes those.
        return self._text().encode("utf-8", "backslashreplace").decode("utf-8")

    def _text(self) -> str:
        about = f"asset '{self.asset_name}': " if self.asset_name is not None else ""
        text = f"{about}{self.problem}. {self.fix}" if self.fix else f"{about}{self.problem}"
        lines = [f"  attempt {number}: {attempt}" for number, attempt in enumerate(self.attempts, start=1)]
        return "\n".join([text, *lines])


class AssetConfigurationError(AssetError):
    """The project file, an environment variable or an argument is wrong.

    Args:
        problem: What is wrong, in one clause.
        path: The file it was read from, None where it came from elsewhere.
        problems: One entry for each thing that is wrong, `line N: key.path: what; fix`, in the file's order.
        asset_name: See `AssetError`.
        fix: See `AssetError`.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: Path | None = None,
        problems: Sequence[str] = (),
        asset_name: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(problem, asset_name=asset_name, fix=fix)
        self.path = path
        self.problems = tuple(problems)

    def _text(self) -> str:
        return "\n".join([super()._text(), *(f"  {problem}" for problem in self.problems)])


class UnknownAssetError(AssetError, KeyError):
    """No asset of that name is declared in the project."""


class AssetDownloadError(AssetError):
    """The source did not give the bytes.

    Args:
        problem: What failed.
        url: Where it failed, without userinfo and query; None for a local source.
        status_code: The HTTP status that the server answered, None where it answered none.
        asset_name: See `AssetError`.
        fix: See `AssetError`.
    """

    def __init__(
        self,
        problem: str,
        *,
        url: str | None = None,
        status_code: int | None = None,
        asset_name: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(problem, asset_name=asset_name, fix=fix)
        self.url = url
        self.status_code = status_code


class AssetAuthenticationError(AssetDownloadError):
    """The source asks for credentials, or for other ones than it got."""


class AssetVerificationError(AssetError):
    """The bytes are not the ones that were promised.

    Args:
        problem: What differs.
        expected: The digest that was declared or recorded, as `sha256:` and 64 hex digits.
        actual: The digest of the bytes that are there.
        asset_name: See `AssetError`.
        fix: See `AssetError`.
    """

    def __init__(
        self,
        problem: str,
        *,
        expected: str | None = None,
        actual: str | None = None,
        asset_name: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(problem, asset_name=asset_name, fix=fix)
        self.expected = expected
        self.actual = actual


class AssetUnpackError(AssetError):
    """The archive is broken, hostile, too large, or holds something else than was declared.

    Args:
        problem: What is wrong with it.
        member: The name of the member at fault, None where it is the archive as a whole.
        asset_name: See `AssetError`.
        fix: See `AssetError`.
    """

    def __init__(
        self,
        problem: str,
        *,
        member: str | None = None,
        asset_name: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(problem, asset_name=asset_name, fix=fix)
        self.member = member


class AssetCacheError(AssetError):
    """The disk did not take the bytes: it is full, read-only, or permission is missing.

    Args:
        problem: What the disk refused.
        path: The folder or file it refused.
        asset_name: See `AssetError`.
        fix: See `AssetError`.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: Path | None = None,
        asset_name: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(problem, asset_name=asset_name, fix=fix)
        self.path = path


class AssetRefError(AssetError, LookupError):
    """A reference is none, leads nowhere, or leads to what is no data.

    Written for whoever made the reference, often a language model, to correct it. Shows no value.

    Args:
        problem: What is wrong.
        reached: How far the reference leads, as a reference URL; None where it does not even begin.
        step: The step that failed, None where it is not about one.
        available: What could have stood in its place: keys, fields, or the range of indices. Bounded.
        asset_name: See `AssetError`.
        fix: See `AssetError`.
    """

    def __init__(  # noqa: PLR0913 - context as attributes
        self,
        problem: str,
        *,
        reached: str | None = None,
        step: str | int | None = None,
        available: Sequence[str] = (),
        asset_name: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(problem, asset_name=asset_name, fix=fix)
        self.reached = reached
        self.step = step
        self.available = tuple(available)


class PluginCallError(AssetError):
    """A plugin was not called, or it did not answer.

    Written for whoever called it, often a language model, to call it rightly. Shows no value.

    Args:
        problem: What is wrong.
        plugin: The plugin's name, None where none was reached.
        command: The command, None where it is not about one.
        parameter: The parameter at fault, such as `images[2].crop`; None where it is not about one.
        kind: What the answer gives as the error's `type`.
        asset_name: See `AssetError`.
        fix: See `AssetError`.
    """

    def __init__(  # noqa: PLR0913 - context as attributes
        self,
        problem: str,
        *,
        plugin: str | None = None,
        command: str | None = None,
        parameter: str | None = None,
        kind: str = "PluginCallError",
        asset_name: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(problem, asset_name=asset_name, fix=fix)
        self.plugin = plugin
        self.command = command
        self.parameter = parameter
        self.kind = kind
