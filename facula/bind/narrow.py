"""Which operations take no wide unsigned integers (uint16, uint32, uint64), as in PyTorch.

`ops/data/unsigned.txt` names them, with PyTorch's names of the kernels that it lacks; it is read when
there is a tensor of such a dtype for the first time. Note [wide unsigned integers].
"""

from pathlib import Path
from typing import Any

from facula.meta.dtype import WIDE, dtype
from facula.op import Op, registry
from facula.tensor import Tensor

FILE = Path(__file__).parents[1] / "ops" / "data" / "unsigned.txt"


def narrow_records() -> list[Op]:
    """The records without such kernels, which know it from now on."""
    found = []
    for line in FILE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, word = line.split()
            op = registry[name]
            op.narrow = word
            found.append(op)
    return found


def refuse_wide(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raises PyTorch's error for tensors with elements, or a `dtype=`, of the wide dtypes."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            found = value.form.dtype if value.form.numel else None
        else:
            found = value if isinstance(value, dtype) else None
        if found in WIDE:
            raise NotImplementedError(f"\"{op.narrow}\" not implemented for '{found.word}'")


__all__ = ["narrow_records", "refuse_wide"]
