"""A version string that compares as PEP 440 says: "1.10" is more than "1.9"."""

import re
from itertools import zip_longest
from typing import Any

# Release numbers, then perhaps a pre-release (a1, b2, rc3), .post or .dev, then +local.
_FORM = (
    r"v?(\d+(?:\.\d+)*)(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\d*))?"
    r"(?:[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?dev[-_.]?(\d*))?(?:\+([a-z0-9._-]+))?"
)
_BEFORE = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
_FINAL = 9


class Version(str):
    """A str that knows the order of versions: of others as strings, or as tuples of numbers.

    >>> import facula as torch
    >>> from facula.version import Version
    >>> Version("1.10.0") > "1.9", Version("1.10.0") >= (1, 10), Version("1.0rc1") < "1.0"
    (True, True, True)
    """

    __slots__ = ()

    def _order(self, other: Any) -> int | None:
        """-1, 0 or 1; None if the other is no version, and strings compare as strings."""
        text = ".".join(map(str, other)) if isinstance(other, tuple | list) else other
        mine = key_of(str(self))
        theirs = key_of(str(text)) if isinstance(text, str) else None
        if mine is None or theirs is None:
            return None
        pairs = zip_longest(mine[0], theirs[0], fillvalue=0)
        ordered = [((a > b) - (a < b)) for a, b in pairs]
        ordered.append((mine[1:] > theirs[1:]) - (mine[1:] < theirs[1:]))
        return next((one for one in ordered if one), 0)

    def __lt__(self, other: Any) -> bool:
        order = self._order(other)
        return str.__lt__(self, other) if order is None else order < 0

    def __le__(self, other: Any) -> bool:
        order = self._order(other)
        return str.__le__(self, other) if order is None else order <= 0

    def __gt__(self, other: Any) -> bool:
        order = self._order(other)
        return str.__gt__(self, other) if order is None else order > 0

    def __ge__(self, other: Any) -> bool:
        order = self._order(other)
        return str.__ge__(self, other) if order is None else order >= 0

    def __eq__(self, other: object) -> bool:
        order = self._order(other)
        return str.__eq__(self, other) if order is None else order == 0

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def key_of(text: str) -> tuple[Any, ...] | None:
    """(release, pre-release, post-release, not a development version, local) to compare by."""
    found = re.fullmatch(_FORM, text.strip(), re.IGNORECASE)
    if found is None:
        return None
    release, stage, stage_number, post, post_number, dev, local = found.groups()
    numbers = tuple(map(int, release.split(".")))
    kind = _BEFORE[stage.lower()] if stage else (-1 if dev is not None and not post else _FINAL)
    place = (kind, int(stage_number or 0))
    after = int(post_number or 0) + 1 if post else 0
    last = int(dev or 0) if dev is not None else float("inf")
    return (numbers, place, after, last, local or "")
