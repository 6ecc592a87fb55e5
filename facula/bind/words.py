"""Docstrings of functions made from records: what is done, torch's schemas, shapes and errors, an
example.

Examples stand in `ops/data/examples.txt`, one paragraph a function: its name in brackets, lines
that run, what they print. `python tools/examples.py` runs them again and writes what they print; a
test runs them all, and on PyTorch too where it is installed.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from facula.op import Op

FILE = Path(__file__).parents[1] / "ops" / "data" / "examples.txt"

FAMILIES = {
    "pointwise": (
        "Shapes: tensors broadcast to a common shape, which the result has. Raises RuntimeError "
        "where they\ndo not, NotImplementedError for a dtype without a meaning here, TypeError for "
        "an argument of a wrong\ntype."
    ),
    "reduction": (
        "Shapes: the dims given go, or stay with size 1 with keepdim; without dim all go. Raises "
        "IndexError\nfor a dim that is not there."
    ),
    "view": (
        "The result shares memory with self. Raises IndexError for a dim that is not there, "
        "RuntimeError for\na shape that does not fit."
    ),
}
OTHERS = (
    "Raises TypeError for an argument of a wrong type, IndexError for a dim or index that is not "
    "there,\nRuntimeError for shapes or dtypes that do not fit together."
)


@lru_cache(1)
def examples() -> Mapping[str, str]:
    """Lines that run and what they print, by function.

    >>> examples()["abs"].splitlines()[-1]
    'tensor([1.5000, 0.0000, 2.0000])'
    """
    found = {}
    for paragraph in FILE.read_text(encoding="utf-8").split("\n\n"):
        name, _, lines = paragraph.strip().partition("\n")
        found[name.strip("[]")] = lines
    return found


def document(op: Op, name: str, words: str) -> str:
    """The docstring of the function called `name` of a record that `words` say the purpose of."""
    parts = [words] if words else []
    parts.append("\n".join(str(schema) for schema in op.schemas))
    parts.append(FAMILIES.get(op.family, OTHERS))
    example = examples().get(name)
    if ">>>" not in words and example is not None:
        parts.append(f">>> import facula as torch\n{example}")
    return "\n\n".join(parts)
