"""The one exception of the data readers, and how a cause is put into its single line."""


class DataError(ValueError):
    """A file that cannot be read as what it should be; one line that names it and says why.

    >>> import facula as torch
    >>> from pathlib import Path
    >>> from facula.vision import datasets
    >>> try:
    ...     datasets.read_idx(Path("nowhere"), 1)
    ... except datasets.DataError as error:
    ...     print(error)
    nowhere: No such file or directory
    """


def reason(error: BaseException) -> str:
    """What went wrong, in one line and without the path that OSError repeats.

    >>> reason(ValueError("bad\\nvalue"))
    'bad value'
    """
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
