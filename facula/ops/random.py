"""Random tensors: which words of a generator become which elements, as PyTorch's CPU generator has
it.

The checks and their order are PyTorch's; the numbers come from the fills of
`kernel/library/random.py`. Note [random streams].
"""

import math
import warnings
from functools import lru_cache

from facula.autograd.mode import mode
from facula.autograd.views import rebase
from facula.dispatch import (
    alias,
    check_base_of_view,
    check_inplace,
    copy_into,
    dtype_word,
    record_operation,
)
from facula.dispatch.parts import refuse_complex
from facula.form import form_of
from facula.generator import Generator, default_generator, kernel_of
from facula.kernel import expr
from facula.kernel.library.random import (
    NARROW_RANGE,
    NEGATIVE,
    NORMAL_BLOCK,
    NOT_FINITE,
    WIDE_PERMUTATION,
    Bernoulli,
    BernoulliEach,
    Dropout,
    FromUniform,
    Integers,
    Multinomial,
    NormalBlocks,
    NormalPairs,
    Shuffle,
    Uniform,
    WideShuffle,
)
from facula.kernel.scalar import ceil, log, log1p, tan, where
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.meta.geometry import restride_like
from facula.meta.shape import broadcast_shapes
from facula.naming import named_birth
from facula.op import SAME, composite, operation, pointwise, pointwise_of, registry
from facula.storage import Storage
from facula.tensor import Tensor, allocate, wrap
from facula.tensor import empty as fresh

# The names by which PyTorch's texts call the element types.
C_NAMES = {
    "bool": "bool", "u8": "unsigned char", "i8": "signed char", "i16": "short int", "i32": "int",
    "i64": "long", "f16": "c10::Half", "bf16": "c10::BFloat16", "f32": "float", "f64": "double",
}  # fmt: skip
# Bits of the significand: floats hold all integers up to two to that power.
DIGITS = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}
LARGEST = {d.short: dtypes.finfo(d).max for d in dtypes.DTYPES if d.is_floating_point}
LIMITS = {"bool": (0, 1)} | {short: (-largest, largest) for short, largest in LARGEST.items()}
LIMITS |= {
    d.short: (dtypes.iinfo(d).min, dtypes.iinfo(d).max) for d in dtypes.DTYPES if d.kind in "iu"
}


# --- where numbers come from and go to -----------------------------------------------------------


def _source(name, generator):
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise _no_overload(name, (), {"generator": generator})
    return generator


def _no_overload(name, given, keywords):
    """PyTorch's text for arguments that fit none of the schemas."""
    kinds = [type(v).__name__ for v in given] + [
        f"{k}={type(v).__name__}" for k, v in keywords.items()
    ]
    listed = "\n".join(f" * {schema}" for schema in registry[name].schemas)
    return TypeError(
        f"{name}() received an invalid combination of arguments - got ({', '.join(kinds)}), but "
        f"expected one of:\n{listed}"
    )


def _size(name, size):
    """The shape given as ints or as one sequence of them."""
    for n in size:
        if type(n) is not int or n < 0:
            break
    else:
        return size
    if len(size) == 1 and not hasattr(size[0], "__index__"):
        if not isinstance(size[0], (tuple, list)):
            raise TypeError(
                f"{name}(): argument 'size' (position 1) must be tuple of ints, not "
                f"{type(size[0]).__name__}"
            )
        size = size[0]
    for k, n in enumerate(size):
        if not hasattr(n, "__index__"):
            raise TypeError(
                f"{name}(): argument 'size' failed to unpack the object at pos {k + 1} with error "
                f'"type must be tuple of ints,but got {type(n).__name__}"'
            )
    shape = tuple([int(n) for n in size])
    for n in shape:
        if n < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {n}: {list(shape)}"
            )
    return shape


def _born(name, shape, out, dtype, default, layout, device, pin_memory):
    """The tensor to fill: a new one, or `out` in the wanted shape."""
    if out is None:
        if layout is not None or device is not None or pin_memory:
            return registry["empty"].function(
                shape, dtype=dtype or default, layout=layout, device=device, pin_memory=pin_memory
            )
        return fresh(dtype or default, shape)
    if out.needs_grad and mode.enabled:
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )
    if dtype is not None and dtype is not out.form.dtype:
        raise RuntimeError(
            f"dtype {dtype_word(dtype)} does not match dtype of out parameter "
            f"({dtype_word(out.form.dtype)})"
        )
    if out.form.shape != shape:
        if out.form.numel:
            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(out.form.shape)}, which does not match the required output shape "
                f"{list(shape)}. This behavior is deprecated, and in a future PyTorch release "
                "outputs will not be resized unless they have zero elements. You can explicitly "
                "reuse an out tensor t by resizing it, inplace, to zero elements with "
                "t.resize_(0).",
                UserWarning,
                stacklevel=4,
            )
        out.resize_(shape)
    out.block.version += 1
    return out


def _like(self, dtype, memory_format, device):
    """Uninitialised memory in the shape and layout of another tensor."""
    return registry["empty_like"].function(
        self, dtype=dtype, memory_format=memory_format, device=device
    )


def _grown(y, requires_grad):
    """A new tensor as the user gets it."""
    if requires_grad:
        if not y.form.tracked:
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        y.requires_grad_(True)
    return y


def _write(self, fill, *numbers):
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
    fill(self, *numbers)
    self.block.version += 1
    if before is not None:
        made = wrap(self.block, self.address, form)
        record_operation(redraw, made, {"self": before})
        rebase(self, made.edge)
    return self


@operation("redraw(Tensor self) -> Tensor")
def redraw(self):
    """The record of an in-place draw: nothing of self remains."""
    raise AssertionError("redraw is recorded by in-place draws, never called")


@redraw.gradient
def _(g):
    return registry["zeros_like"].function(g)


def _not_for(kernel, dtype):
    return NotImplementedError(f"\"{kernel}\" not implemented for '{dtype_word(dtype)}'")


def _number(value):
    """A number as C++ streams print it."""
    return format(value, "g")


def _from(name, keywords, given):
    """The argument that PyTorch calls `from`, which Python keeps for itself."""
    value = keywords.pop("from", given)
    if keywords:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(keywords))}'")
    return value


# --- uniform -------------------------------------------------------------------------------------


def _through_view(fill, y, *how):
    """Fills what a conjugate view shows."""
    made = fresh(y.form.dtype, y.form.shape)
    fill(made, *how)
    y.detach().copy_(made)


def _uniform(y, low, high, generator):
    if y.form.lazy:
        _through_view(_uniform, y, low, high, generator)
        return
    if y.form.dtype.is_complex:
        y = registry["view_as_real"].function(y.detach())
    form = y.form
    if not form.dtype.is_floating_point:
        raise _not_for("check_uniform_bounds", form.dtype)
    largest = LARGEST[form.kind]
    for argument, bound in (("from", low), ("to", high)):
        if not -largest <= bound <= largest:
            raise RuntimeError(f"{argument} is out of bounds for {C_NAMES[form.kind]}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={_number(low)} > "
            f"to={_number(high)}"
        )
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{dtype_word(form.dtype)}>::max(), "
            f"but found to={_number(high)} and from={_number(low)} which result in to-from to "
            "exceed the limit"
        )
    if form.numel:
        generator.fill(y, kernel_of(Uniform, form.kind), (float(low), float(high)))


@composite(
    "uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> "
    "Tensor(a!)"
)
def uniform_(self, from_=0.0, to=1.0, *, generator=None, **keywords):
    """Every element becomes uniform in [from, to)."""
    low = _from("uniform_", keywords, from_) if keywords else from_
    return _write(self, _uniform, low, to, _source("uniform_", generator))


@composite(
    (
        "rand(SymInt[] size, *, Dimname[]? names=None, ScalarType? dtype=None, Layout? "
        "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        "rand.generator(SymInt[] size, *, Generator? generator, ScalarType? dtype=None, Layout? "
        "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    )
)
def rand(
    *size,
    names=None,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    **keywords,
):
    """Uniform numbers in [0, 1)."""
    shape = _given_size("rand", size, keywords)
    y = _born("rand", shape, out, dtype, dtypes.get_default_dtype(), layout, device, pin_memory)
    _uniform(y, 0.0, 1.0, _source("rand", generator))
    return named_birth(_grown(y, requires_grad), "rand", names, out)


@composite(
    (
    "rand_like(Tensor input, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None,"
    " bool? pin_memory=None, MemoryFormat? memory_format=None, Tensor(a!)? out=None) -> Tensor",
    "rand_like.generator(Tensor input, *, Generator? generator, ScalarType? dtype=None, Layout? "
    "layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None, "
    "Tensor(a!)? out=None) -> Tensor",
)
)
def rand_like(
    input,
    *,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    memory_format=None,
):
    """Uniform numbers in [0, 1), in the shape and dtype of another tensor."""
    _check_tensor("rand_like", "input", input)
    y = _like(input, dtype, memory_format, device)
    _uniform(y, 0.0, 1.0, _source("rand_like", generator))
    return _grown(y, requires_grad)


def _given_size(name, size, keywords):
    if keywords:
        if size or set(keywords) != {"size"}:
            unknown = next((k for k in keywords if k != "size"), "size")
            raise TypeError(f"{name}() got an unexpected keyword argument '{unknown}'")
        size = (keywords["size"],)
    elif not size:
        raise _no_overload(name, (), {})
    return _size(name, size)


def _check_tensor(name, argument, value):
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}(): argument '{argument}' (position 1) must be Tensor, not "
            f"{type(value).__name__}"
        )


# --- normal --------------------------------------------------------------------------------------


def _normal(y, mean, std, generator):
    if y.form.lazy:
        _through_view(_normal, y, mean, std, generator)
        return
    form = y.form
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {_number(std)}")
    if form.dtype.is_complex:
        # The variance of a complex number is that of both parts together.
        y, std = registry["view_as_real"].function(y.detach()), std / math.sqrt(2)
        form = y.form
    if form.numel:
        if not form.dtype.is_floating_point:
            raise _not_for("normal_kernel_cpu", form.dtype)
        plan = NormalBlocks if form.contiguous and form.numel >= NORMAL_BLOCK else NormalPairs
        generator.fill(y, kernel_of(plan, form.kind), (float(mean), float(std)))


@composite(
    "normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> "
    "Tensor(a!)"
)
def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Every element becomes normal with a mean and a standard deviation."""
    return _write(self, _normal, mean, std, _source("normal_", generator))


@composite(
    (
        "randn(SymInt[] size, *, Dimname[]? names=None, ScalarType? dtype=None, Layout? "
        "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        "randn.generator(SymInt[] size, *, Generator? generator, ScalarType? dtype=None, Layout? "
        "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    )
)
def randn(
    *size,
    names=None,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    **keywords,
):
    """Standard normal numbers."""
    shape = _given_size("randn", size, keywords)
    y = _born("randn", shape, out, dtype, dtypes.get_default_dtype(), layout, device, pin_memory)
    _normal(y, 0.0, 1.0, _source("randn", generator))
    return named_birth(_grown(y, requires_grad), "randn", names, out)


@composite(
    (
    "randn_like(Tensor input, *, ScalarType? dtype=None, Layout? layout=None, Device? "
    "device=None, bool? pin_memory=None, MemoryFormat? memory_format=None, Tensor(a!)? out=None) "
    "-> Tensor",
    "randn_like.generator(Tensor input, *, Generator? generator, ScalarType? dtype=None, Layout? "
    "layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None, "
    "Tensor(a!)? out=None) -> Tensor",
)
)
def randn_like(
    input,
    *,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    memory_format=None,
):
    """Standard normal numbers in the shape and dtype of another tensor."""
    _check_tensor("randn_like", "input", input)
    y = _like(input, dtype, memory_format, device)
    _normal(y, 0.0, 1.0, _source("randn_like", generator))
    return _grown(y, requires_grad)


@composite(
    (
        "normal.Tensor_float(Tensor mean, float std=1., *, Generator? generator=None) -> Tensor",
        "normal.float_Tensor(float mean, Tensor std, *, Generator? generator=None) -> Tensor",
        "normal.Tensor_Tensor(Tensor mean, Tensor std, *, Generator? generator=None) -> Tensor",
        "normal.float_float(float mean, float std, SymInt[] size, *, Generator? generator=None, "
        "ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? "
        "pin_memory=None) -> Tensor",
    )
)
def normal(
    mean,
    std=1.0,
    size=None,
    *,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
):
    """Normal numbers: means and standard deviations from tensors, or one of each and a size."""
    source = _source("normal", generator)
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        if size is not None:
            raise _no_overload("normal", (mean, std, size), {})
        tensors = [v if isinstance(v, Tensor) else None for v in (mean, std)]
        number = std if tensors[1] is None else mean
        y = registry["normal_around"].function(*tensors, number, source, out)
        return _grown(y, requires_grad)
    if size is None:
        raise _no_overload("normal", (mean, std), {})
    shape = _size("normal", (size,))
    y = _born("normal", shape, out, dtype, dtypes.get_default_dtype(), layout, device, pin_memory)
    _normal(y, mean, std, source)
    return _grown(y, requires_grad)


@operation("normal_around(Tensor? mean, Tensor? std) -> Tensor")
def normal_around(mean, std, number, source, out):
    """Standard normals, times std, plus mean; `number` stands for the one that is no tensor."""
    first = std if mean is None else mean
    shape = first.form.shape
    if mean is not None and std is not None:
        shape = broadcast_shapes(mean.form.shape, std.form.shape)
    if std is not None and std.form.numel and not float(std.amin()) >= 0:
        raise RuntimeError("normal expects all elements of std >= 0.0")
    y = _born("normal", tuple(shape), out, None, first.form.dtype, None, None, False)
    if std is None:
        _normal(y, 0.0, number, source)
        return y.add_(mean)
    _normal(y, 0.0, 1.0, source)
    return y.mul_(std).add_(number if mean is None else mean)


@normal_around.gradient
def _(needs, mean_form, std_form):
    return tuple(
        registry["zeros"].function(form.shape, dtype=form.dtype) if need else None
        for need, form in zip(needs, (mean_form, std_form), strict=True)
    )


@composite(
    "log_normal_(Tensor(a!) self, float mean=1., float std=2., *, Generator? generator=None) -> "
    "Tensor(a!)"
)
def log_normal_(self, mean=1.0, std=2.0, *, generator=None):
    """Every element becomes e to the power of a normal number."""
    return _write(self, _log_normal, mean, std, _source("log_normal_", generator))


def _log_normal(y, mean, std, generator):
    form = y.form
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={_number(std)}")
    if form.numel:
        if not form.dtype.is_floating_point:
            raise _not_for("log_normal_cpu", form.dtype)
        strides = form.strides if form.dense else restride_like(form.shape, [form.strides])
        normals = allocate(form_of(dtypes.float64, form.shape, strides))
        generator.fill(normals, kernel_of(NormalPairs, "f64"), (float(mean), float(std)))
        copy_into(y, normals.exp_())


# --- integers ------------------------------------------------------------------------------------


def _signed(value):
    """A 64-bit unsigned number as the signed one of the same bits."""
    return value - 2**64 if value >= 2**63 else value


def _check_integer_bounds(form, low, high):
    """Both ends must lie in the dtype; floats warn beyond the integers they hold exactly."""
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


def _narrowed(low, high, digits, largest):
    """A range whose ends, once rounded to floats of so many digits, stay inside [low, high).

    An end that rounds to what the float or int64 cannot hold is left as it is.
    """
    first, last = _rounded(low + 1, digits), _rounded(high - 1, digits)
    if -largest <= first < low:
        low = first + _step(low + 1, digits)
    if high <= last <= largest and last < 2**63:
        high = last - _step(high - 1, digits)
    return low, high


def _step(n, digits):
    """The distance of floats around the integer n."""
    return 1 << max(abs(n).bit_length() - digits, 0)


def _rounded(n, digits):
    """The integer n as a float of so many digits; half types are reached by way of float32."""
    if digits < DIGITS["f32"]:
        n = _rounded(n, DIGITS["f32"])
    step = _step(n, digits)
    kept, lost = divmod(abs(n), step)
    if 2 * lost > step or (2 * lost == step and kept % 2):
        kept += 1
    return kept * step if n >= 0 else -kept * step


def _integers(y, low, high, generator):
    """low to high - 1; high None: up to the largest integer of the dtype; both None: from 0."""
    form = y.form
    digits = DIGITS.get(form.kind)
    if low == -(2**63) and high is None:
        _all_integers(y, generator)
        return
    if high is None:
        largest = 2**digits if digits else LIMITS[form.kind][1]
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


def _check_range(low, high):
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )


def _all_integers(y, generator):
    form = y.form
    if form.kind not in ("i64", "f64", "f32", "bf16"):
        if form.kind in ("bool", "f16"):
            raise _not_for("random_full_64_bits_range_kernel_cpu", form.dtype)
        raise RuntimeError(
            "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16"
        )
    if form.numel:
        generator.fill(y, kernel_of(Integers, form.kind, "full"), (0, 0))


def _integer(name, argument, value, position=None):
    """An int argument, which tensors and NumPy scalars of one integer may stand for."""
    if isinstance(value, (bool, float)) or not hasattr(value, "__index__"):
        place = "" if position is None else f" (position {position})"
        raise TypeError(
            f"{name}(): argument '{argument}'{place} must be int, not {type(value).__name__}"
        )
    value = int(value.__index__())
    if not -(2**63) <= value < 2**63:
        raise ValueError("Overflow when unpacking long long")
    return value


_ABSENT = object()


@composite(
    (
        "random_(Tensor(a!) self, *, Generator? generator=None) -> Tensor(a!)",
        "random_.to(Tensor(a!) self, int to, *, Generator? generator=None) -> Tensor(a!)",
        "random_.from(Tensor(a!) self, int from, int? to, *, Generator? generator=None) -> "
        "Tensor(a!)",
    )
)
def random_(self, from_=_ABSENT, to=_ABSENT, *, generator=None, **keywords):
    """Every element becomes an integer: in [from, to), in [0, to), or any that the dtype holds
    exactly."""
    low = _from("random_", keywords, from_) if keywords else from_
    source = _source("random_", generator)
    if low is _ABSENT and to is _ABSENT:
        return _write(self, _integers, None, None, source)
    if to is _ABSENT:
        if low is not from_:
            raise _no_overload("random_", (), {"from": low})
        low, to = 0, low
    elif low is _ABSENT:
        low = 0
    if isinstance(low, float) or isinstance(to, float):
        raise _no_overload("random_", (low, to), {})
    low = _integer("random_", "from", low)
    return _write(
        self, _integers, low, None if to is None else _integer("random_", "to", to), source
    )


@composite(
    (
    "randint(SymInt high, SymInt[] size, *, ScalarType? dtype=long, Layout? layout=None, Device? "
    "device=None, bool? pin_memory=None, Tensor(a!)? out=None) -> Tensor",
    "randint.generator(SymInt high, SymInt[] size, *, Generator? generator, ScalarType? "
    "dtype=long, Layout? layout=None, Device? device=None, bool? pin_memory=None, Tensor(a!)? "
    "out=None) -> Tensor",
    "randint.low(SymInt low, SymInt high, SymInt[] size, *, ScalarType? dtype=long, Layout? "
    "layout=None, Device? device=None, bool? pin_memory=None, Tensor(a!)? out=None) -> Tensor",
    "randint.low_generator(SymInt low, SymInt high, SymInt[] size, *, Generator? generator, "
    "ScalarType? dtype=long, Layout? layout=None, Device? device=None, bool? pin_memory=None, "
    "Tensor(a!)? out=None) -> Tensor",
)
)
def randint(
    *numbers,
    low=None,
    high=None,
    size=None,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
):
    """Integers in [low, high), low being 0 if only high is given."""
    low, high, size = _overload("randint", numbers, low, high, size)
    if not isinstance(size, (tuple, list)):
        position = len(numbers)
        raise TypeError(
            f"randint(): argument 'size' (position {position}) must be tuple of ints, not "
            f"{type(size).__name__}"
        )
    default = dtypes.int64 if out is None else out.form.dtype
    shape = _size("randint", (size,))
    y = _born("randint", shape, out, dtype, default, layout, device, pin_memory)
    _integers(y, low, high, _source("randint", generator))
    return _grown(y, requires_grad)


def _overload(name, numbers, low, high, size):
    """low, high and size from positions and keywords; low may be left out."""
    given = list(numbers)
    if size is None and given:
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if size is None or high is None or len(given) > 1:
        raise _no_overload(name, numbers, {})
    if given:
        low = given.pop()
    only = low is None
    low = 0 if only else _integer(name, "low", low, 1)
    return low, _integer(name, "high", high, 1 if only else 2), size


@composite(
    (
    "randint_like(Tensor input, SymInt high, *, ScalarType? dtype=None, Layout? layout=None, "
    "Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None, Tensor(a!)? "
    "out=None) -> Tensor",
    "randint_like.Tensor(Tensor input, Tensor high, *, ScalarType? dtype=None, Layout? "
    "layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None, "
    "Tensor(a!)? out=None) -> Tensor",
    "randint_like.low_dtype(Tensor input, SymInt low, SymInt high, *, ScalarType? dtype=None, "
    "Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? "
    "memory_format=None, Tensor(a!)? out=None) -> Tensor",
    "randint_like.generator(Tensor input, SymInt high, *, Generator? generator, ScalarType? "
    "dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? "
    "memory_format=None, Tensor(a!)? out=None) -> Tensor",
    "randint_like.Tensor_generator(Tensor input, Tensor high, *, Generator? generator, "
    "ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, "
    "MemoryFormat? memory_format=None, Tensor(a!)? out=None) -> Tensor",
    "randint_like.low_generator_dtype(Tensor input, SymInt low, SymInt high, *, Generator? "
    "generator, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? "
    "pin_memory=None, MemoryFormat? memory_format=None, Tensor(a!)? out=None) -> Tensor",
)
)
def randint_like(
    input,
    *numbers,
    low=None,
    high=None,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    memory_format=None,
):
    """Integers in [low, high), in the shape and dtype of another tensor."""
    _check_tensor("randint_like", "input", input)
    low, high, _ = _overload("randint_like", numbers, low, high, ())
    y = _like(input, dtype, memory_format, device)
    _integers(y, low, high, _source("randint_like", generator))
    return _grown(y, requires_grad)


@composite(
    (
    "randperm(SymInt n, *, ScalarType? dtype=long, Layout? layout=None, Device? device=None, "
    "bool? pin_memory=None, Tensor(a!)? out=None) -> Tensor",
    "randperm.generator(SymInt n, *, Generator? generator, ScalarType? dtype=long, Layout? "
    "layout=None, Device? device=None, bool? pin_memory=None, Tensor(a!)? out=None) -> Tensor",
)
)
def randperm(
    n,
    *,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
):
    """The integers 0 to n - 1 in random order."""
    n = _integer("randperm", "n", n, 1)
    shape = _size("randperm", (n,))
    default = dtypes.int64 if out is None else out.form.dtype
    _check_permutation(n, dtype or default)
    y = _born("randperm", shape, out, dtype, default, layout, device, pin_memory)
    source = _source("randperm", generator)
    if n == 1:
        y.zero_()
    elif n:
        plan = Shuffle if n < WIDE_PERMUTATION else WideShuffle
        source.fill(y, kernel_of(plan, y.form.kind))
    return _grown(y, requires_grad)


def _check_permutation(n, dtype):
    if dtype is dtypes.bool_:
        raise _not_for("randperm", dtype)
    if dtype.kind in "iu":
        if n - 1 > LIMITS[dtype.short][1]:
            raise RuntimeError(f"value cannot be converted to type {dtype.name}_t without overflow")
    elif (
        dtype is not dtypes.bfloat16 and n > 2 ** DIGITS[dtype.short] + 1
    ):  # bfloat16 is not checked there
        limit = 2**11 + 1 if dtype is dtypes.float16 else f"2^{DIGITS[dtype.short]}+1"
        raise RuntimeError(f"n cannot be greater than {limit} for {dtype_word(dtype)} type.")


# --- yes or no -----------------------------------------------------------------------------------


def _chance(y, p, generator, divisor=1.0):
    """1 / divisor with probability p, else 0."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={_number(p)}")
    if y.form.numel:
        numbers = (_threshold(p), float(divisor))
        generator.fill(y, kernel_of(Bernoulli, y.form.kind), numbers)


def _threshold(p):
    """A 53-bit draw times 2^-53 lies below p just when the draw lies below p * 2^53, rounded up."""
    return math.ceil(math.ldexp(p, 53))


def _chances(y, p, generator):
    """A probability an element."""
    if not p.form.dtype.is_floating_point:
        raise _not_for("bernoulli_tensor_cpu_p_", p.form.dtype)
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


@composite(
    (
        "bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> "
        "Tensor(a!)",
        "bernoulli_.Tensor(Tensor(a!) self, Tensor p, *, Generator? generator=None) -> Tensor(a!)",
    )
)
def bernoulli_(self, p=0.5, *, generator=None):
    """Every element becomes 1 with probability p, else 0."""
    return _write(
        self, _chances if isinstance(p, Tensor) else _chance, p, _source("bernoulli_", generator)
    )


@operation(
    (
        "bernoulli(Tensor self, *, Generator? generator=None) -> Tensor",
        "bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor",
        "bernoulli.Tensor(Tensor self, Tensor p, *, Generator? generator=None) -> Tensor",
    )
)
def bernoulli(self, p=None, *, generator=None, out=None):
    """1 with the probability that stands in each element, else 0; or with probability p."""
    y = _born("bernoulli", tuple(self.form.shape), out, None, self.form.dtype, None, None, False)
    source = _source("bernoulli", generator)
    if p is None:
        p = self
    (_chances if isinstance(p, Tensor) else _chance)(y, p, source)
    return y


@bernoulli.gradient
def _(g):
    return registry["zeros_like"].function(g)


def _mask(self, p):
    """Zeros with probability p, 1 / (1 - p) otherwise."""
    noise = registry["empty_like"].function(self.detach())
    if p == 1:
        return noise.zero_()
    _chance(noise, 1 - p, default_generator, 1 - p)
    return noise


# Elements from which a recorded dropout keeps a byte an element instead of a factor: the shorter
# reading and writing then outweighs the longer road of a record with a number.
WIDE_DROPOUT = 2**18

# Dropout once it is decided which elements stay; linear, so its own gradient.
pointwise("scale_chosen(Tensor self, Tensor condition, Scalar scale) -> Tensor", SAME,
          "self times a number where the condition holds, else times 0.",
          lambda x, c, scale: where(c, x * scale, x * 0.0),
          lambda g, y, x, c, scale: (where(c, g * scale, g * 0.0), None))
pointwise_of("scale_chosen").condition = 1
registry["scale_chosen"].node_name = "MulBackward0"  # dropout is a product in torch's graphs
registry["scale_chosen"].namespace = "internal"
registry["scale_chosen"].method = registry["scale_chosen"].inplace = False


@lru_cache(maxsize=256)
def _scale(p, dtype):
    """1 / (1 - p) as a division in that dtype rounds it."""
    return (registry["ones"].function((), dtype=dtype) / (1 - p)).item()


def _drop(x, y, p):
    """Dropout of a dense tensor to one of the same strides: their memory is one run of elements,
    and the order of the draws is the order of memory."""
    form = x.form
    default_generator.run(
        kernel_of(Dropout, form.kind),
        y.address, form.numel, x.address, _threshold(1 - p), _scale(p, form.dtype),
    )  # fmt: skip


def _check_dropout(self, p):
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {_number(p)}")
    if not self.form.dtype.is_floating_point:
        raise RuntimeError(
            "result type Float can't be cast to the desired output type "
            f"{dtype_word(self.form.dtype)}"
        )


@composite("dropout(Tensor input, float p, bool train) -> Tensor")
def dropout(input, p, train):
    """Each element zeroed with probability p, and scaled by 1 / (1 - p) otherwise."""
    _check_dropout(input, p)
    if p == 0 or not train or not input.form.numel:
        return input
    form = input.form
    if p == 1:
        return input * _mask(input, p)
    if mode.enabled and input.needs_grad:
        if form.numel < WIDE_DROPOUT:
            return input * _mask(input, p)
        kept = registry["empty_like"].function(input.detach(), dtype=dtypes.bool_)
        _chance(kept, 1 - p, default_generator)
        return registry["scale_chosen"].function(input, kept, _scale(p, form.dtype))
    if not form.dense:
        return input * _mask(input, p)
    y = allocate(form)
    _drop(input, y, p)
    return y


@composite("dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)")
def dropout_(self, p, train):
    """The same, in place."""
    _check_dropout(self, p)
    if p == 0 or not train or not self.form.numel:
        return self
    if p == 1 or self.needs_grad or self.base is not None or not self.form.dense:
        return self.mul_(_mask(self, p))
    _drop(self, self, p)
    self.block.version += 1
    return self


# --- by formula ----------------------------------------------------------------------------------


def _formula(function):
    """The graph of a formula of a uniform number and two parameters."""
    u, a, b = expr.input_(0, "f64"), expr.param(0, "f64"), expr.param(1, "f64")
    return expr.linearise([function(u, a, b)])


EXPONENTIAL = _formula(lambda u, rate, _: -log1p(-u) / rate)
CAUCHY = _formula(lambda u, median, sigma: median + sigma * tan(math.pi * (u - 0.5)))
GEOMETRIC = _formula(lambda u, p, _: ceil(log(u) / log1p(-p)))


def _by_formula(y, formula, a, b, generator):
    if y.form.numel:
        generator.fill(y, kernel_of(FromUniform, y.form.kind, formula), (float(a), float(b)))


def _check_continuous(distribution, dtype, name):
    if not dtype.is_floating_point:
        raise RuntimeError(
            f"{distribution} distribution is a continuous probability distribution. dtype must be "
            f"a floating point but you specified {name}"
        )


@composite(
    "exponential_(Tensor(a!) self, float lambd=1., *, Generator? generator=None) -> Tensor(a!)"
)
def exponential_(self, lambd=1.0, *, generator=None):
    """Every element becomes exponential with a rate."""
    if self.form.numel:
        _check_continuous("Exponential", self.form.dtype, dtype_word(self.form.dtype))
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={_number(lambd)}")
    return _write(self, _by_formula, EXPONENTIAL, lambd, 0.0, _source("exponential_", generator))


@composite(
    "cauchy_(Tensor(a!) self, float median=0., float sigma=1., *, Generator? generator=None) -> "
    "Tensor(a!)"
)
def cauchy_(self, median=0.0, sigma=1.0, *, generator=None):
    """Every element becomes Cauchy with a median and a half width."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={_number(sigma)}")
    name = {"i64": "long int"}.get(self.form.kind, C_NAMES.get(self.form.kind, ""))
    _check_continuous("Cauchy", self.form.dtype, name)
    return _write(self, _by_formula, CAUCHY, median, sigma, _source("cauchy_", generator))


@composite("geometric_(Tensor(a!) self, float p, *, Generator? generator=None) -> Tensor(a!)")
def geometric_(self, p, *, generator=None):
    """Every element becomes the number of trials up to the first success, each of probability p."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={_number(p)}")
    refuse_complex(self, "\"geometric_cpu\" not implemented for '{}'")
    if self.form.numel and self.form.dtype is dtypes.bool_:
        raise _not_for("geometric_cpu", self.form.dtype)
    return _write(self, _by_formula, GEOMETRIC, p, 0.0, _source("geometric_", generator))


# --- categories ----------------------------------------------------------------------------------


@composite(
    "multinomial(Tensor self, SymInt num_samples, bool replacement=False, *, Generator? "
    "generator=None) -> Tensor"
)
def multinomial(self, num_samples, replacement=False, *, generator=None, out=None):
    """Numbers of categories, drawn with the probabilities (or weights) of a row, a row of them for
    each row."""
    form = self.form
    if not form.dtype.is_floating_point:
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{dtype_word(form.dtype)}"
        )
    if out is not None and out.form.dtype is not dtypes.int64:
        raise RuntimeError(
            f"multinomial expects Long tensor out, got: {dtype_word(out.form.dtype)}"
        )
    if form.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > form.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
    shape = (*form.shape[:-1], num_samples)
    y = _born("multinomial", shape, out, None, dtypes.int64, None, None, False)
    weights = self.detach().contiguous()
    source = _source("multinomial", generator)
    if y.form.numel == 0:
        return y
    if replacement and num_samples > 1:
        return _with_replacement(weights, y, num_samples, source)
    return y.copy_(_largest_race(weights, num_samples, source))


def _largest_race(weights, count, source):
    """Exponential races: the categories with the largest weight / exponential come first."""
    if not (float(weights.amax()) < math.inf and float(weights.amin()) >= 0):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if bool((weights.sum(-1) == 0).any()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    race = fresh(weights.form.dtype, weights.form.shape)
    _by_formula(race, EXPONENTIAL, 1.0, 0.0, source)
    race = weights / race
    if count == 1:
        return race.argmax(-1, keepdim=True)
    return race.topk(count)[1]


def _with_replacement(weights, y, count, source):
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

# Where records stand that are no functions of torch itself.
for _name in ("normal_around", "redraw"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in (
    "uniform_", "rand_like", "normal_", "randn_like", "log_normal_", "random_", "bernoulli",
    "bernoulli_", "dropout", "dropout_", "exponential_", "cauchy_", "geometric_",
):  # fmt: skip
    registry[_key].names(names.same)
registry["normal"].names("normal.Tensor_float")
