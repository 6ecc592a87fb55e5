"""Random numbers into tensors: which words of a generator become which elements, as PyTorch's CPU
generator has it, and in-place draws under autograd's rules. Note [random streams]."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from facula.autograd.mode import mode
from facula.autograd.views import rebase
from facula.dispatch import (
    alias,
    check_base_of_view,
    check_inplace,
    check_writable_memory,
    copy_into,
    dtype_of_birth,
    dtype_word,
    record_operation,
    resize_out,
)
from facula.form import Form, form_of
from facula.generator import Generator, default_generator, kernel_of
from facula.kernel import expr
from facula.kernel.library.random import (
    NARROW_RANGE,
    NEGATIVE,
    NORMAL_BLOCK,
    NOT_FINITE,
    Bernoulli,
    BernoulliEach,
    FromUniform,
    Integers,
    Multinomial,
    NormalBlocks,
    NormalPairs,
    Uniform,
)
from facula.kernel.scalar import ceil, log, log1p, tan
from facula.meta import dtype as dtypes
from facula.meta.geometry import restride_like
from facula.op import operation_of, registry
from facula.storage import Storage
from facula.tensor import Tensor, allocate, wrap
from facula.tensor import empty as fresh

# The names by which PyTorch's texts call the element types.
C_NAMES = {
    "bool": "bool", "u8": "unsigned char", "i8": "signed char", "i16": "short int", "i32": "int",
    "i64": "long", "f16": "c10::Half", "bf16": "c10::BFloat16", "f32": "float", "f64": "double",
    "u16": "short unsigned int", "u32": "unsigned int", "u64": "long unsigned int",
}  # fmt: skip

# Bits of the significand: floats hold all integers up to two to that power.
DIGITS = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}
LARGEST = {d.short: dtypes.finfo(d).max for d in dtypes.DTYPES if d.is_floating_point}
LIMITS = {"bool": (0, 1)} | {short: (-largest, largest) for short, largest in LARGEST.items()}
LIMITS |= {
    d.short: (dtypes.iinfo(d).min, dtypes.iinfo(d).max) for d in dtypes.DTYPES if d.kind in "iu"
}


def source_of(name: str, generator: Any) -> Generator:
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise no_overload(name, (), {"generator": generator})
    return generator


def no_overload(name: str, given: Sequence[Any], keywords: Mapping[str, Any]) -> TypeError:
    """PyTorch's text for arguments that fit none of the schemas."""
    kinds = [type(v).__name__ for v in given] + [
        f"{k}={type(v).__name__}" for k, v in keywords.items()
    ]
    listed = "\n".join(f" * {schema}" for schema in registry[name].schemas)
    return TypeError(
        f"{name}() received an invalid combination of arguments - got ({', '.join(kinds)}), but "
        f"expected one of:\n{listed}"
    )


def born(
    name: str,
    shape: tuple[int, ...],
    out: Tensor | None,
    dtype: Any,
    default: Any,
    layout: Any,
    device: Any,
    pin_memory: Any,
) -> Tensor:
    """The tensor to fill: a new one, or `out` in the wanted shape."""
    if out is None:
        if layout is not None or device is not None or pin_memory:
            return registry["empty"].function(
                shape, dtype=dtype or default, layout=layout, device=device, pin_memory=pin_memory
            )
        return fresh(dtype or default, shape)
    dtype_of_birth(name, dtype, out)
    check_writable_memory(out.form)
    if out.form.shape != shape:
        resize_out(out, shape)
    out.block.version += 1
    return out


def not_for(kernel: str, dtype: dtypes.dtype) -> NotImplementedError:
    return NotImplementedError(f"\"{kernel}\" not implemented for '{dtype_word(dtype)}'")


def shown(value: float) -> str:
    """A number as C++ streams print it."""
    return format(value, "g")


def write(self: Tensor, fill: Callable[..., None], *numbers: Any) -> Tensor:
    """An in-place draw: `fill(self, *numbers)` under autograd's rules."""
    form = self.form
    if self.needs_grad or self.base is not None:
        check_inplace(self)
        check_base_of_view(self)
    if not form.contiguous and any(
        s == 0 and n > 1 for s, n in zip(form.strides, form.shape, strict=True)
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )
    before = alias(self) if self.needs_grad and mode.enabled else None
    if form.lazy:
        _through_view(fill, self, *numbers)
    else:
        fill(self, *numbers)
    self.block.version += 1
    if before is not None:
        made = wrap(self.block, self.address, form)
        record_operation(operation_of("redraw"), made, {"self": before})
        rebase(self, made.edge)
    return self


def _through_view(fill: Callable[..., None], y: Tensor, *how: Any) -> None:
    """Fills what a conjugate view shows."""
    made = fresh(y.form.dtype, y.form.shape)
    fill(made, *how)
    y.detach().copy_(made)


def fill_uniform(y: Tensor, low: float, high: float, generator: Generator) -> None:
    if y.form.lazy:
        _through_view(fill_uniform, y, low, high, generator)
        return
    if y.form.dtype.is_complex:
        y = registry["view_as_real"].function(y.detach())
    form = y.form
    if not form.dtype.is_floating_point:
        raise not_for("check_uniform_bounds", form.dtype)
    largest = LARGEST[form.kind]
    for argument, bound in (("from", low), ("to", high)):
        if not -largest <= bound <= largest:
            raise RuntimeError(f"{argument} is out of bounds for {C_NAMES[form.kind]}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={shown(low)} > "
            f"to={shown(high)}"
        )
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{dtype_word(form.dtype)}>::max(), "
            f"but found to={shown(high)} and from={shown(low)} which result in to-from to "
            "exceed the limit"
        )
    if form.numel:
        generator.fill(y, kernel_of(Uniform, form.kind), (float(low), float(high)))


def fill_normal(y: Tensor, mean: float, std: float, generator: Generator) -> None:
    if y.form.lazy:
        _through_view(fill_normal, y, mean, std, generator)
        return
    form = y.form
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {shown(std)}")
    if form.dtype.is_complex:
        # The variance of a complex number is that of both parts together.
        y, std = registry["view_as_real"].function(y.detach()), std / math.sqrt(2)
        form = y.form
    if form.numel:
        if not form.dtype.is_floating_point:
            raise not_for("normal_kernel_cpu", form.dtype)
        plan = NormalBlocks if form.contiguous and form.numel >= NORMAL_BLOCK else NormalPairs
        generator.fill(y, kernel_of(plan, form.kind), (float(mean), float(std)))


def fill_log_normal(y: Tensor, mean: float, std: float, generator: Generator) -> None:
    form = y.form
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={shown(std)}")
    if form.numel:
        if not form.dtype.is_floating_point:
            raise not_for("log_normal_cpu", form.dtype)
        strides = form.strides if form.dense else restride_like(form.shape, [form.strides])
        normals = allocate(form_of(dtypes.float64, form.shape, strides))
        generator.fill(normals, kernel_of(NormalPairs, "f64"), (float(mean), float(std)))
        copy_into(y, normals.exp_())


def _signed(value: int) -> int:
    """A 64-bit unsigned number as the signed one of the same bits."""
    return value - 2**64 if value >= 2**63 else value


def _check_integer_bounds(form: Form, low: int, high: int) -> None:
    """Both ends must lie in the dtype; floats warn beyond the integers they hold exactly."""
    if form.kind not in LIMITS:
        raise not_for("check_random_bounds", form.dtype)
    lowest, highest = LIMITS[form.kind]
    exact = 2 ** DIGITS.get(form.kind, 64)
    for argument, bound in (("from", low), ("to - 1", high)):
        if not lowest <= bound <= highest:
            raise RuntimeError(f"{argument} is out of bounds for {C_NAMES[form.kind]}")
        if abs(bound) > exact:
            digits = DIGITS[form.kind]
            warnings.warn(
                f"{argument} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision "
                f"limitations {C_NAMES[form.kind]} can support discrete uniform distribution only "
                "within this range. This warning will become an error in version 1.7 release, "
                "please fix the code in advance",
                UserWarning,
                stacklevel=5,
            )


def _narrowed(low: int, high: int, digits: int, largest: float) -> tuple[int, int]:
    """A range whose ends, once rounded to floats of so many digits, stay inside [low, high).

    An end that rounds to what the float or int64 cannot hold is left as it is.
    """
    first, last = _rounded(low + 1, digits), _rounded(high - 1, digits)
    if -largest <= first < low:
        low = first + _step(low + 1, digits)
    if high <= last <= largest and last < 2**63:
        high = last - _step(high - 1, digits)
    return low, high


def _step(n: int, digits: int) -> int:
    """The distance of floats around the integer n."""
    return 1 << max(abs(n).bit_length() - digits, 0)


def _rounded(n: int, digits: int) -> int:
    """The integer n as a float of so many digits; half types are reached by way of float32."""
    if digits < DIGITS["f32"]:
        n = _rounded(n, DIGITS["f32"])
    step = _step(n, digits)
    kept, lost = divmod(abs(n), step)
    if 2 * lost > step or (2 * lost == step and kept % 2):
        kept += 1
    return kept * step if n >= 0 else -kept * step


def fill_integers(y: Tensor, low: Any, high: Any, generator: Generator) -> None:
    """low to high - 1; high None: up to the largest integer of the dtype; both None: from 0."""
    form = y.form
    if form.dtype.is_complex:
        raise RuntimeError(
            "check_random_bounds handles only integral, floating-point and boolean types"
        )
    digits = DIGITS.get(form.kind)
    if high is None and form.dtype in dtypes.WIDE:
        raise not_for("random_kernel_cpu", form.dtype)
    if low == -(2**63) and high is None:
        _all_integers(y, generator)
        return
    if high is None:
        largest = int(2**digits if digits else LIMITS[form.kind][1])
        high = largest + 1
        if low is not None:
            _check_integer_bounds(form, low, largest)
        if low is not None and low > largest - bool(digits):
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' "
                f"casted to dtype, but got from={low} > to_inc={largest}"
            )
    else:
        _check_range(low, high)
        if digits:
            low, high = _narrowed(low, high, digits, LARGEST[form.kind])
            _check_range(low, high)
        _check_integer_bounds(form, low, high - 1)
    # without bounds the dtype says how many words an element takes, with bounds the range
    wide = form.kind in ("i64", "f64") if low is None else high - low >= NARROW_RANGE
    low = low or 0
    if form.numel:
        kernel = kernel_of(Integers, form.kind, "wide" if wide else "narrow")
        generator.fill(y, kernel, (low, _signed(high - low)))


def _check_range(low: int, high: int) -> None:
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )


def _all_integers(y: Tensor, generator: Generator) -> None:
    form = y.form
    if form.kind not in ("i64", "f64", "f32", "bf16"):
        if form.kind in ("bool", "f16"):
            raise not_for("random_full_64_bits_range_kernel_cpu", form.dtype)
        raise RuntimeError(
            "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16"
        )
    if form.numel:
        generator.fill(y, kernel_of(Integers, form.kind, "full"), (0, 0))


def fill_chance(y: Tensor, p: float, generator: Generator, divisor: float = 1.0) -> None:
    """1 / divisor with probability p, else 0."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={shown(p)}")
    if y.form.numel:
        numbers = (threshold(p), float(divisor))
        generator.fill(y, kernel_of(Bernoulli, y.form.kind), numbers)


def threshold(p: float) -> int:
    """A 53-bit draw times 2^-53 lies below p just when the draw lies below p * 2^53, rounded up."""
    return math.ceil(math.ldexp(p, 53))


def fill_chances(y: Tensor, p: Tensor, generator: Generator) -> None:
    """A probability an element."""
    if not p.form.dtype.is_floating_point:
        raise not_for("bernoulli_tensor_cpu_p_", p.form.dtype)
    if y.form.numel == 0:
        return
    p = p.detach()
    if p.form.shape != y.form.shape:
        p = p.expand(y.form.shape)
    if generator.fill(y, kernel_of(BernoulliEach, y.form.kind, p.form.kind), beside=p):
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error "
            "message be improved?  If so, please report an enhancement request to PyTorch.)"
        )


def _formula(function: Callable[..., expr.Expr]) -> Any:
    """The graph of a formula of a uniform number and two parameters."""
    u, a, b = expr.input_(0, "f64"), expr.param(0, "f64"), expr.param(1, "f64")
    return expr.linearise([function(u, a, b)])


EXPONENTIAL = _formula(lambda u, rate, _: -log1p(-u) / rate)
CAUCHY = _formula(lambda u, median, sigma: median + sigma * tan(math.pi * (u - 0.5)))
GEOMETRIC = _formula(lambda u, p, _: ceil(log(u) / log1p(-p)))


def fill_formula(y: Tensor, formula: Any, a: float, b: float, generator: Generator) -> None:
    if y.form.numel:
        generator.fill(y, kernel_of(FromUniform, y.form.kind, formula), (float(a), float(b)))


def fill_categories(weights: Tensor, y: Tensor, count: int, source: Generator) -> Tensor:
    columns = weights.form.shape[-1]
    if not columns:
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    rows = weights.form.numel // columns
    target = y if y.form.contiguous else fresh(dtypes.int64, y.form.shape)
    sums = Storage(8 * columns)
    fault = source.run(
        kernel_of(Multinomial, weights.form.kind),
        target.address, count, weights.address, sums.address, rows, columns,
    )  # fmt: skip
    if fault:
        reason = {
            NEGATIVE: "encountering probability entry < 0",
            NOT_FINITE: "encountering probability entry = infinity or NaN",
        }.get(fault, "sum of probabilities <= 0")
        raise RuntimeError(f"invalid multinomial distribution ({reason})")
    return y if target is y else y.copy_(target)
