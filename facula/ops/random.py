"""Tensors of uniform, normal and whole random numbers, and permutations.

The checks and their order are PyTorch's; the numbers come from `launch/sampling.py`.
Note [random streams].
"""

from facula.dispatch import dtype_word
from facula.generator import kernel_of
from facula.kernel.library.random import WIDE_PERMUTATION, Shuffle, WideShuffle
from facula.launch.sampling import (
    DIGITS,
    LIMITS,
    born,
    fill_integers,
    fill_log_normal,
    fill_normal,
    fill_uniform,
    no_overload,
    not_for,
    source_of,
    write,
)
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.meta.shape import broadcast_shapes
from facula.naming import named_birth
from facula.op import composite, operation, registry
from facula.tensor import Tensor


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


@operation("redraw(Tensor self) -> Tensor")
def redraw(self):
    """The record of an in-place draw: nothing of self remains."""
    raise AssertionError("redraw is recorded by in-place draws, never called")


@redraw.gradient
def _(g):
    return registry["zeros_like"].function(g)


def _from(name, keywords, given):
    """The argument that PyTorch calls `from`, which Python keeps for itself."""
    value = keywords.pop("from", given)
    if keywords:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(keywords))}'")
    return value


@composite(
    "uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> "
    "Tensor(a!)"
)
def uniform_(self, from_=0.0, to=1.0, *, generator=None, **keywords):
    """Every element becomes uniform in [from, to).

    self keeps its shape; numbers come from `generator` or the default one. Raises RuntimeError for
    parameters that no such distribution has.
    """
    low = _from("uniform_", keywords, from_) if keywords else from_
    return write(self, fill_uniform, low, to, source_of("uniform_", generator))


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
    """Uniform numbers in [0, 1).

    Numbers come from `generator` or the default one. Raises RuntimeError for negative sizes or an
    empty range.
    """
    shape = _given_size("rand", size, keywords)
    y = born("rand", shape, out, dtype, dtypes.get_default_dtype(), layout, device, pin_memory)
    fill_uniform(y, 0.0, 1.0, source_of("rand", generator))
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
    fill_uniform(y, 0.0, 1.0, source_of("rand_like", generator))
    return _grown(y, requires_grad)


def _given_size(name, size, keywords):
    if keywords:
        if size or set(keywords) != {"size"}:
            unknown = next((k for k in keywords if k != "size"), "size")
            raise TypeError(f"{name}() got an unexpected keyword argument '{unknown}'")
        size = (keywords["size"],)
    elif not size:
        raise no_overload(name, (), {})
    return _size(name, size)


def _check_tensor(name, argument, value):
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}(): argument '{argument}' (position 1) must be Tensor, not "
            f"{type(value).__name__}"
        )


@composite(
    "normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> "
    "Tensor(a!)"
)
def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Every element becomes normal with a mean and a standard deviation.

    self keeps its shape; numbers come from `generator` or the default one. Raises RuntimeError for
    parameters that no such distribution has.
    """
    return write(self, fill_normal, mean, std, source_of("normal_", generator))


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
    """Standard normal numbers.

    Numbers come from `generator` or the default one. Raises RuntimeError for negative sizes or an
    empty range.
    """
    shape = _given_size("randn", size, keywords)
    y = born("randn", shape, out, dtype, dtypes.get_default_dtype(), layout, device, pin_memory)
    fill_normal(y, 0.0, 1.0, source_of("randn", generator))
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
    fill_normal(y, 0.0, 1.0, source_of("randn_like", generator))
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
    source = source_of("normal", generator)
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        if size is not None:
            raise no_overload("normal", (mean, std, size), {})
        tensors = [v if isinstance(v, Tensor) else None for v in (mean, std)]
        number = std if tensors[1] is None else mean
        y = registry["normal_around"].function(*tensors, number, source, out)
        return _grown(y, requires_grad)
    if size is None:
        raise no_overload("normal", (mean, std), {})
    shape = _size("normal", (size,))
    y = born("normal", shape, out, dtype, dtypes.get_default_dtype(), layout, device, pin_memory)
    fill_normal(y, mean, std, source)
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
    y = born("normal", tuple(shape), out, None, first.form.dtype, None, None, False)
    if std is None:
        fill_normal(y, 0.0, number, source)
        return y.add_(mean)
    fill_normal(y, 0.0, 1.0, source)
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
    """Every element becomes e to the power of a normal number.

    self keeps its shape; numbers come from `generator` or the default one. Raises RuntimeError for
    parameters that no such distribution has.
    """
    return write(self, fill_log_normal, mean, std, source_of("log_normal_", generator))


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
    exactly.

    self keeps its shape; numbers come from `generator` or the default one. Raises RuntimeError for
    parameters that no such distribution has.
    """
    low = _from("random_", keywords, from_) if keywords else from_
    if self.form.dtype.is_complex:
        if low is _ABSENT and to is _ABSENT:
            word = dtype_word(self.form.dtype)
            raise NotImplementedError(f"\"random_kernel_cpu\" not implemented for '{word}'")
        raise RuntimeError(
            "check_random_bounds handles only integral, floating-point and boolean types"
        )
    source = source_of("random_", generator)
    if low is _ABSENT and to is _ABSENT:
        return write(self, fill_integers, None, None, source)
    if to is _ABSENT:
        if low is not from_:
            raise no_overload("random_", (), {"from": low})
        low, to = 0, low
    elif low is _ABSENT:
        low = 0
    if isinstance(low, float) or isinstance(to, float):
        raise no_overload("random_", (low, to), {})
    low = _integer("random_", "from", low)
    return write(
        self, fill_integers, low, None if to is None else _integer("random_", "to", to), source
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
    """Integers in [low, high), low being 0 if only high is given.

    Numbers come from `generator` or the default one. Raises RuntimeError for negative sizes or an
    empty range.
    """
    low, high, size = _overload("randint", numbers, low, high, size)
    if not isinstance(size, (tuple, list)):
        position = len(numbers)
        raise TypeError(
            f"randint(): argument 'size' (position {position}) must be tuple of ints, not "
            f"{type(size).__name__}"
        )
    default = dtypes.int64 if out is None else out.form.dtype
    shape = _size("randint", (size,))
    y = born("randint", shape, out, dtype, default, layout, device, pin_memory)
    fill_integers(y, low, high, source_of("randint", generator))
    return _grown(y, requires_grad)


def _overload(name, numbers, low, high, size):
    """low, high and size from positions and keywords; low may be left out."""
    given = list(numbers)
    if size is None and given:
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if size is None or high is None or len(given) > 1:
        raise no_overload(name, numbers, {})
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
    fill_integers(y, low, high, source_of("randint_like", generator))
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
    """The integers 0 to n - 1 in random order.

    Result (n), int64. Raises RuntimeError for negative n.
    """
    n = _integer("randperm", "n", n, 1)
    shape = _size("randperm", (n,))
    default = dtypes.int64 if out is None else out.form.dtype
    _check_permutation(n, dtype or default)
    y = born("randperm", shape, out, dtype, default, layout, device, pin_memory)
    source = source_of("randperm", generator)
    if n == 1:
        y.zero_()
    elif n:
        plan = Shuffle if n < WIDE_PERMUTATION else WideShuffle
        source.fill(y, kernel_of(plan, y.form.kind))
    return _grown(y, requires_grad)


def _check_permutation(n, dtype):
    if dtype is dtypes.bool_:
        raise not_for("randperm", dtype)
    if dtype.kind in "iu":
        if n - 1 > LIMITS[dtype.short][1]:
            raise RuntimeError(f"value cannot be converted to type {dtype.name}_t without overflow")
    elif (
        dtype is not dtypes.bfloat16 and n > 2 ** DIGITS[dtype.short] + 1
    ):  # bfloat16 is not checked there
        limit = 2**11 + 1 if dtype is dtypes.float16 else f"2^{DIGITS[dtype.short]}+1"
        raise RuntimeError(f"n cannot be greater than {limit} for {dtype_word(dtype)} type.")


# Where records stand that are no functions of torch itself.
for _name in ("normal_around", "redraw"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in (
    "uniform_", "rand_like", "normal_", "randn_like", "log_normal_", "random_",
):  # fmt: skip
    registry[_key].names(names.same)
registry["normal"].names("normal.Tensor_float")
