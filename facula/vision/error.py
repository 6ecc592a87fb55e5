"""The one exception of the data readers, and how a cause is put into its single line."""


class DataError(ValueError):
    """A data file or folder that cannot be used; the message names it and says why."""


def reason(error: BaseException) -> str:
    """What went wrong, in one line and without the path that OSError repeats.

    >>> reason(ValueError("bad\\nvalue"))
    'bad value'
    """
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
