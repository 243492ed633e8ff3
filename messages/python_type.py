"""The text that stands for an object which no prompt can hold."""


def python_type_text(value: object) -> str:
    """Name the type of an object, as `str(type(value))` does, but without running any code of its.

    Args:
        value: Anything.

    Returns:
        Such as `<class 'numpy.ndarray'>`.
    """
    # str() would ask the metaclass, which may be anybody's.
    return type.__repr__(type(value))
