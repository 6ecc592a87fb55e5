"""Which operations take no wide unsigned integers (uint16, uint32, uint64), as in PyTorch.

`ops/data/unsigned.txt` names them, with PyTorch's names of the kernels that it lacks; it is read
when there is a tensor of such a dtype for the first time. Note [wide unsigned integers].
"""

from pathlib import Path
from typing import Any

from facula.meta.dtype import WIDE
from facula.op import Op, registry
from facula.tensor import Tensor

FILE = Path(__file__).parents[1] / "ops" / "data" / "unsigned.txt"


def narrow_records() -> list[Op]:
    """The records without such kernels, which know it from now on."""
    found = []
    for line in FILE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, word, *only = line.split()
            op = registry[name]
            op.narrow, op.narrow_result = word, bool(only)
            found.append(op)
    return found


def refuse_wide(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raises PyTorch's error for a `dtype=` or tensors of the wide dtypes; where a tensor has a
    single element or none PyTorch mostly does without the kernel."""
    asked = kwargs.get("dtype")
    found = [asked] if asked in WIDE else []
    if not op.narrow_result:
        for value in (*args, *kwargs.values()):
            if isinstance(value, Tensor) and value.form.dtype in WIDE:
                if value.form.numel < 2:
                    return
                found.append(value.form.dtype)
    if found:
        raise NotImplementedError(f"\"{op.narrow}\" not implemented for '{found[0].word}'")


__all__ = ["narrow_records", "refuse_wide"]
