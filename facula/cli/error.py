"""What ends a command early: one line for the user and exit status 2."""


class CommandError(Exception):
    """A command cannot do what was asked; the message is one line saying which and why."""


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, or the name of its type.

    >>> first_line(ValueError("wrong size\\nsee the manual"))
    'wrong size'
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).split("\n")
    return lines[0].strip() or type(error).__name__
