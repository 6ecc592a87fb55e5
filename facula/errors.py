"""Builders for messages that several layers raise in PyTorch's words."""


def expected(what: str, got: object) -> str:
    """The text "expected `what`, got ..." with the value and its type.

    >>> expected("a positive int", -1)
    'expected a positive int, got -1 (int)'
    """
    return f"expected {what}, got {got!r} ({type(got).__name__})"


def must_be(function: str, argument: str, position: int | None, wanted: str, got: object) -> str:
    """PyTorch's text for an argument of the wrong type.

    >>> must_be("relu", "input", 1, "Tensor", 3)
    "relu(): argument 'input' (position 1) must be Tensor, not int"
    """
    place = "" if position is None else f" (position {position})"
    return f"{function}(): argument '{argument}'{place} must be {wanted}, not {type(got).__name__}"


def missing_arguments(function: str, names: list[str]) -> str:
    """PyTorch's text for required arguments that were not given.

    >>> missing_arguments("add", ["other"])
    'add() missing 1 required positional arguments: "other"'
    """
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"{function}() missing {len(names)} required positional arguments: {quoted}"


def unexpected_keyword(function: str, name: str) -> str:
    """PyTorch's text for a keyword that no overload has.

    >>> unexpected_keyword("add", "axis")
    "add() got an unexpected keyword argument 'axis'"
    """
    return f"{function}() got an unexpected keyword argument '{name}'"


# PyTorch's own name of the class that it shows as torch.linalg.LinAlgError.
class _LinAlgError(RuntimeError):
    """What torch.linalg raises for matrices that a computation cannot go on with; a RuntimeError.

    >>> import facula as torch
    >>> try:
    ...     torch.linalg.inv(torch.zeros(2, 2))
    ... except torch.linalg.LinAlgError as error:
    ...     print(str(error)[:11])
    linalg.inv:
    """


LinAlgError = _LinAlgError
