"""`out=` of functions made from records."""

from collections.abc import Callable, Sequence
from typing import Any

from facula.dispatch import (
    build_launch,
    call_named,
    check_dtype,
    check_memory,
    check_out,
    copy_out,
    has_names,
    inplace_pointwise,
    launch_key,
    remember,
    resize_out,
)
from facula.form import named_forms
from facula.op import Op, Pointwise
from facula.tensor import Tensor


def targets_of(op: Op, out: Any) -> tuple[Any, ...]:
    """The tensors that out= gives, as many as the operation has results."""
    counts = op.result_counts
    if not isinstance(out, (tuple, list)):
        if 1 in counts:
            return (out,)
        raise TypeError(
            f"{op.name}(): argument 'out' must be tuple of Tensors, not {type(out).__name__}"
        )
    if counts == {1}:
        raise TypeError(f"{op.name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    check_count(max(counts), out)
    return tuple(out)


def check_count(count: int, out: Sequence[Any]) -> None:
    """torch's error for too few or too many results; a count of 0 is any."""
    if count and len(out) != count:
        raise TypeError(f"expected tuple of {count} elements but got {len(out)}")


def with_out(op: Op, run: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `out=` to a function whose result is one tensor or a tuple of them."""
    name = op.name

    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            return run(*args, **kwargs)
        if named_forms and has_names((*args, *kwargs.values(), out)):
            return call_named(op, function, args, {**kwargs, "out": out})
        targets = targets_of(op, out)
        for target in targets:
            check_out(name, (*args, *kwargs.values()), target)
        check_memory(op, targets, args, kwargs)
        made = run(*args, **kwargs)
        if isinstance(out, (tuple, list)):
            if not isinstance(made, (tuple, list)):
                raise TypeError(
                    f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}"
                )
            check_count(len(made), out)
            return type(made)(*[copy_out(op, y, o) for y, o in zip(made, targets, strict=True)])
        return copy_out(op, made, out)

    return function


def pointwise_out(op: Pointwise, operands: tuple[Any, ...], out: Tensor) -> Tensor:
    """The out= form: resizes an out of another shape, refuses to cast to a lesser kind of dtype."""
    if named_forms and has_names((*operands, out)):
        named: Tensor = call_named(
            op, lambda *plain, out: pointwise_out(op, plain, out), operands, {"out": out}
        )
        return named
    check_out(op.name, operands, out)
    key = launch_key(op, operands)
    launch = op.launches.get(key)
    if launch is None:
        launch = remember(op.launches, key, build_launch(op, key))
    form = launch.form
    check_dtype(op.name, op.out, form.dtype, out.form.dtype)
    if out.form.shape != form.shape:
        if any(value is out for value in operands):  # a new shape would change what is read
            raise RuntimeError(
                f"output with shape {list(out.form.shape)} doesn't match the broadcast shape "
                f"{list(form.shape)}"
            )
        resize_out(out, tuple(form.shape))
        out.as_strided_(form.shape, form.strides)  # laid out as a new result would be
    return inplace_pointwise(op, out, operands)
