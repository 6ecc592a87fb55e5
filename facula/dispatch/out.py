"""`out=`: which tensors may receive a result, and how they do. What a record allows its rule says
(`facula.op.Out`); torch's rules are set in `ops/write_rules.py`.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from facula.autograd.mode import mode
from facula.dispatch.copy import check_writable_memory, overlaps, refuse_overlap
from facula.dispatch.layout import dtype_word, type_word
from facula.meta.dtype import can_cast, dtype
from facula.op import Op, Out
from facula.tensor import Tensor

ALLOWS: Mapping[str, Callable[[dtype, dtype], bool]] = {
    "same": lambda result, out: result is out,
    "cast": can_cast,
    "kind": lambda result, out: result.kind == out.kind,
    "float": lambda result, out: out.kind == "f",
    "flag": lambda result, out: out.name in ("bool", "uint8"),
    "number": lambda result, out: out.kind != "b",
    "any": lambda result, out: True,
}


def wants_gradient(values: Any) -> bool:
    """Whether a tensor among values, or in a list among them, requires gradients."""
    return any(
        v.needs_grad if isinstance(v, Tensor) else type(v) in (list, tuple) and wants_gradient(v)
        for v in values
    )


def check_out(name: str, operands: Any, out: Any) -> None:
    """torch's errors for what is no tensor, and for results that a graph would have to follow."""
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if mode.enabled and (out.needs_grad or wants_gradient(operands)):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )


def check_dtype(name: str, rule: Out, result: dtype, out: dtype) -> None:
    """torch's error for an out of a dtype that a rule does not allow."""
    if not ALLOWS[rule.allows](result, out):
        raise rule.error(
            rule.words.format(
                name=name,
                want=type_word(result),
                got=type_word(out),
                Want=dtype_word(result),
                Got=dtype_word(out),
            )  # fmt: skip
        )


def resize_out(out: Tensor, shape: tuple[int, ...]) -> None:
    """Gives an out= tensor the shape of the result, with torch's warning if it held something."""
    if out.form.numel != 0:
        warnings.warn(
            "An output with one or more elements was resized since it had shape "
            f"{list(out.form.shape)}, which does not match the required output shape "
            f"{list(shape)}. This behavior is deprecated, and in a future PyTorch release outputs "
            "will not be resized unless they have zero elements. You can explicitly reuse an out "
            "tensor t by resizing it, inplace, to zero elements with t.resize_(0).",
            UserWarning,
            stacklevel=4,
        )
    out.resize_(shape)


def dtype_of_birth(name: str, asked: dtype | None, out: Tensor | None) -> dtype | None:
    """The dtype that a new tensor has which may go into out=: out's, if none was asked for."""
    if out is None:
        return asked
    check_out(name, (), out)
    if asked is not None and asked is not out.form.dtype:
        raise RuntimeError(
            f"dtype {dtype_word(asked)} does not match dtype of out parameter "
            f"({dtype_word(out.form.dtype)})"
        )
    return out.form.dtype


def check_memory(
    op: Op, targets: Sequence[Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """torch's errors for results that have no memory of their own."""
    for target in targets:
        check_writable_memory(target.form)
    rule = op.out
    if not (rule.apart or rule.within):
        return
    names = [a.name for a in op.schema.arguments]
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    for name in (*rule.apart, *rule.within):
        value = given.get(name)
        several = value if isinstance(value, (tuple, list)) else (value,)
        for one in several:
            if not isinstance(one, Tensor):
                continue
            for target in targets:
                same = target is one or (
                    target.form is one.form and target.address == one.address and one.form.numel
                )
                if overlaps(target, one) or (same and name in rule.apart):
                    refuse_overlap(target, one)


def copy_out(op: Op, y: Tensor, out: Tensor) -> Tensor:
    """Puts a finished result into out=."""
    check_dtype(op.name, op.out, y.form.dtype, out.form.dtype)
    if out.form.shape != y.form.shape:
        resize_out(out, tuple(y.form.shape))
    out.detach().copy_(y)
    return out
