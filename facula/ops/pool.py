"""Pooling over the last one, two or three dimensions of (N, C, ...) or (C, ...).

The records of the three ranks differ in a number, so functions of the rank make them. What a
user's arguments mean is worked out once (`Pooling`) and kept; the records whose names end in
`_windows` take that.
"""

from functools import cache

from facula.autograd.mode import mode
from facula.dispatch.layout import dtype_word
from facula.dispatch.parts import refuse_complex
from facula.kernel.library.pool_window import Window
from facula.launch import pooling as launch
from facula.launch.pooling import INSIDE, PADDED, Pooling
from facula.meta import names
from facula.meta.dtype import int64
from facula.meta.layout import channels_last
from facula.op import composite, operation, registry

NUMBER_WORDS = {1: "one int", 2: "two ints", 3: "three ints"}
KERNEL_LETTERS = {1: "W", 2: "HW", 3: "THW"}


# --- arguments ---------------------------------------------------------------------------------


def _frozen(value):
    return tuple(value) if isinstance(value, list) else value


def _repeated(value, rank, name, what):
    """A number for each dimension, of one number or of as many."""
    if isinstance(value, int):
        return (value,) * rank
    value = tuple(value)
    if len(value) == 1:
        return value * rank
    if len(value) != rank:
        if rank == 1 and name.startswith("avg"):
            raise RuntimeError(
                f"{name}() argument '{what}' should contain one int (got {len(value)})"
            )
        if rank == 1:
            raise RuntimeError(
                f"{name}() {what} must be an int, list of ints or tuple of ints of size 1 but got "
                f"size {len(value)}"
            )
        either = "must be either" if what == "dilation" else "must either be"
        either = "must be" if name == "avg_pool3d" and what != "stride" else either
        omitted = " omitted," if what == "stride" else ""
        raise RuntimeError(
            f"{name}: {what} {either}{omitted} a single int, or a tuple of {NUMBER_WORDS[rank]}"
        )
    return value


def _check_rank(name, shape, rank):
    """That there are channels, or a batch of channels, and nothing but the batch is empty."""
    ndim = len(shape)
    empty = ndim in (rank + 1, rank + 2) and 0 in shape[-rank - 1 :]
    if rank == 1:
        if ndim not in (2, 3) or empty:
            if name == "avg_pool1d" and ndim in (2, 3):
                raise RuntimeError(
                    "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for "
                    f"input, but got:{[*shape[:-1], 1, shape[-1]]}"
                )
            if name == "avg_pool1d":
                raise RuntimeError(
                    f"Expected 2 to 3 dimensions, but got {ndim}-dimensional tensor for argument "
                    f"#1 'self' (while checking arguments for {name})"
                )
            raise RuntimeError(
                f"{name}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
                f"input, but got:{list(shape)}"
            )
    elif ndim not in (rank + 1, rank + 2):
        raise RuntimeError(
            f"non-empty {rank + 1}D or {rank + 2}D (batch mode) tensor expected for input"
        )
    elif empty and rank == 2:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but "
            f"got:{list(shape)}"
        )
    elif empty:
        kernel = "max_pool3d_with_indices_out_cpu_template" if name[0] == "m" else name
        raise RuntimeError(
            f"{kernel}(): Expected input's non-batch dimensions to have positive length, but input "
            f"has a shape of {list(shape)} and non-batch dimension 0 has length zero!"
        )


def results(size, window, pad, ceil_mode):
    """Windows along one dimension; with ceil_mode the last may hang over, but must begin inside."""
    span = size + 2 * pad - window.reach - 1
    count = (span + (window.stride - 1 if ceil_mode else 0)) // window.stride + 1
    if ceil_mode and (count - 1) * window.stride >= size + pad:
        count -= 1
    return count


@cache
def windows(name, shape, rank, kernel_size, stride, padding, dilation, ceil_mode, divisor=""):
    """The checked numbers of a pooling."""
    kernel = _repeated(kernel_size, rank, name, "kernel_size")
    omitted = stride is None or stride == ()
    step = kernel if omitted else _repeated(stride, rank, name, "stride")
    pads = _repeated(padding, rank, name, "padding")
    if max(kernel + step + pads, default=0) >= 2**31 and name != "max_pool1d":
        raise RuntimeError("value cannot be converted to type int without overflow")
    holes = _repeated(dilation, rank, name, "dilation")
    if rank > 1 and len(shape) in (rank + 1, rank + 2) and min(step) > 0:
        _check_pads(kernel, holes, pads)
    _check_rank(name, shape, rank)
    if rank == 1 and name == "max_pool1d":
        _check_max_pool1d(kernel[0], step[0], pads[0], holes[0])
    if min(step) == 0:
        raise RuntimeError("stride should not be zero")
    letters = KERNEL_LETTERS[rank]
    for what, values, letter in (
        ("kernel size", kernel, "k"), ("stride", step, "d"), ("dilation", holes, "dilation"),
    ):
        if min(values) <= 0:
            said = " ".join(f"{letter}{a}: {v}" for a, v in zip(letters, values, strict=True))
            raise RuntimeError(f"{what} should be greater than zero, but got {said}")
    _check_pads(kernel, holes, pads)
    known = tuple([Window(*one) for one in zip(kernel, step, holes, strict=True)])
    sizes = tuple(shape[-rank:])
    out = tuple(
        [results(n, w, pad, ceil_mode) for n, w, pad in zip(sizes, known, pads, strict=True)]
    )
    if min(out) < 1:
        raise RuntimeError(_too_small(name, shape[-rank - 1], sizes, out, kernel))
    return Pooling(sizes, out, known, pads, divisor)


def _check_pads(kernel, dilation, pads):
    if min(pads) < 0:
        raise RuntimeError(f"pad must be non-negative, but got pad: {min(pads)}")
    for pad, size, hole in zip(pads, kernel, dilation, strict=True):
        if 2 * pad > hole * (size - 1) + 1 and size > 0:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, but got "
                f"pad={pad}, kernel_size={size} and dilation={hole}"
            )


def _check_max_pool1d(kernel, stride, pad, dilation):
    for what, value in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        if value <= 0:
            raise RuntimeError(f"max_pool1d() {what} must be greater than zero, but got {value}")
    if pad < 0:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {pad}")
    if 2 * pad > kernel:
        raise RuntimeError(
            "max_pool1d() padding should be at most half of kernel size, but got "
            f"padding={pad} and kernel_size={kernel}"
        )


def _too_small(name, channels, sizes, out, kernel):
    if name == "max_pool1d":
        return f"max_pool1d() Invalid computed output size: {out[0]}"
    if name == "avg_pool3d":
        image = " ".join(f"{a}: {n}" for a, n in zip("THW", sizes, strict=True))
        window = " ".join(f"k{a}: {n}" for a, n in zip("THW", kernel, strict=True))
        return f"input image ({image}) smaller than kernel size ({window})"
    flat = (1,) * (2 - len(sizes))
    given = "x".join(map(str, (channels, *flat, *sizes)))
    made = "x".join(map(str, (channels, *flat, *out)))
    return (
        f"Given input size: ({given}). Calculated output size: ({made}). Output size is too small"
    )


def _refuse(name, x, takes):
    """torch's error for a dtype that its kernel does not take."""
    dtype = x.form.dtype
    if not dtype.is_floating_point and dtype.name not in takes:
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtype_word(dtype)}'")


def _last(self, pooling):
    """The pooling of images whose channels lie side by side: their window is one channel. None for
    others."""
    form = self.form
    if form.contiguous or form.ndim != 4 or len(pooling.sizes) != 2:
        return None
    if not form.geometry.is_channels_last():
        return None
    channels = form.shape[1]
    return pooling._replace(
        sizes=(*pooling.sizes, channels), out=(*pooling.out, channels),
        windows=(*pooling.windows, Window(1, 1, 1)), padding=(*pooling.padding, 0),
    )


INTEGERS = ("int64", "int32", "int16", "int8", "uint8")


# --- largest elements --------------------------------------------------------------------------


def _make_max_pool(rank):
    name = f"max_pool{rank}d"
    arguments = (
        f"(Tensor self, int[{rank}] kernel_size, int[{rank}] stride=[], int[{rank}] padding=0, "
        f"int[{rank}] dilation=1, bool ceil_mode=False)"
    )

    @operation(f"{name}_windows(Tensor self, Scalar pooling, str index) -> (Tensor, Tensor)")
    def max_pool_windows(self, pooling, index):
        """The largest element of each window, and where it stands."""
        return launch.max_pool(self, pooling, index)

    max_pool_windows.node_name = f"MaxPool{max(2, rank)}DWithIndicesBackward0"
    max_pool_windows.differentiable_outputs = (0,)

    @max_pool_windows.gradient
    def _(g, ys, self_form, pooling):
        shape = tuple(self_form.shape)
        return registry["max_pool_windows_backward"].function(g[0], ys[1], shape, pooling)

    def prepare(self, kernel_size, stride, padding, dilation, ceil_mode, flat):
        # torch counts a row as an image of one row where it keeps indices, but in its words only.
        pooling = windows(
            f"{name}_with_indices" if rank == 1 and flat else name, tuple(self.form.shape), rank,
            _frozen(kernel_size), _frozen(stride), _frozen(padding), _frozen(dilation), ceil_mode,
        )
        _refuse("max_pool2d" if rank < 3 else "max_pool3d", self, INTEGERS)
        return pooling

    @composite(f"{name}_with_indices{arguments} -> (Tensor, Tensor)")
    def max_pool_with_indices(
        self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False
    ):
        """The largest element of each window, and its place in the input as one number, int64.

        self (N, C, *) or (C, *) with one to three dims that windows move along, both results too.
        Raises RuntimeError for other shapes or padding of more than half a window.
        """
        pooling = prepare(self, kernel_size, stride, padding, dilation, ceil_mode, True)
        last = _last(self, pooling)
        if last is not None:
            y, index = registry["max_pool3d_windows"].function(
                self.permute(0, 2, 3, 1), last, "i64"
            )
            index = index.div(self.form.shape[1], rounding_mode="floor")
            return y.permute(0, 3, 1, 2), index.permute(0, 3, 1, 2)
        return max_pool_windows.function(self, pooling, "i64")

    @composite(f"{name}{arguments} -> Tensor")
    def max_pool(self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        """The largest element of each window.

        self (N, C, *) or (C, *) with one to three dims that windows move along, the result too.
        Raises RuntimeError for other shapes or padding of more than half a window.
        """
        pooling = prepare(self, kernel_size, stride, padding, dilation, ceil_mode, False)
        last = _last(self, pooling)
        if last is not None:
            return largest(self.permute(0, 2, 3, 1), last).permute(0, 3, 1, 2)
        return largest(self, pooling)

    def largest(self, pooling):
        if not (self.needs_grad and mode.enabled):
            return launch.max_pool(self, pooling, "")[0]
        # The gradient needs only to know which of a window's few places it was.
        return max_pool_windows.function(self, pooling, "u8" if pooling.is_known else "i64")[0]

    for record in (max_pool_windows, max_pool_with_indices, max_pool):
        record.method = False
    max_pool_windows.namespace = "internal"
    max_pool_with_indices.namespace = "torch" if rank == 1 else "nn"


@operation(
    "max_pool_windows_backward(Tensor grad, Tensor index, int[] shape, Scalar pooling) -> Tensor"
)
def max_pool_windows_backward(grad, index, shape, pooling):
    """Gradients of windows added where their largest elements were."""
    return launch.max_pool_backward(grad, index, shape, pooling)


max_pool_windows_backward.tensor_names = ("grad",)


@max_pool_windows_backward.gradient
def _(g, index, pooling):
    if index.form.kind == "u8":
        index = _places(index, pooling)
    return _taken(g, index, len(pooling.sizes))


@operation(
    "max_pool2d_with_indices_backward(Tensor grad_output, Tensor self, int[2] kernel_size, int[2] "
    "stride, int[2] padding, int[2] dilation, bool ceil_mode, Tensor indices) -> Tensor"
)
def max_pool2d_with_indices_backward(
    grad_output, self, kernel_size, stride, padding, dilation, ceil_mode, indices
):
    """The gradient of max_pool2d, by the indices it gave; it does not depend on self's values."""
    pooling = windows(
        "max_pool2d", tuple(self.form.shape), 2, _frozen(kernel_size), _frozen(stride),
        _frozen(padding), _frozen(dilation), ceil_mode,
    )
    shape = (*self.form.shape[:-2], *pooling.out)
    if tuple(grad_output.form.shape) != shape:
        raise RuntimeError(
            f"Expected grad_output of shape {list(shape)}, but got {list(grad_output.form.shape)}"
        )
    if tuple(indices.form.shape) != shape or indices.form.dtype is not int64:
        raise RuntimeError(f"Expected int64 indices of shape {list(shape)}")
    dx = launch.unpool(grad_output, indices, tuple(self.form.shape), 2, adds=True)
    return _in_order_of(self, dx)


max_pool2d_with_indices_backward.node_name = "MaxPool2DWithIndicesBackwardBackward0"
max_pool2d_with_indices_backward.tensor_names = ("grad_output", "self")


@max_pool2d_with_indices_backward.gradient
def _(g, self_form, indices):
    zeros = registry["zeros"].function
    return _taken(g, indices, 2), zeros(self_form.shape, dtype=self_form.dtype)


def _places(taps, pooling):
    """Places in the plane, of places within each window."""
    taps = taps.long()
    places, rank = None, len(pooling.sizes)
    arange = registry["arange"].function
    divided = pooling.taps
    for axis, window in enumerate(pooling.windows):
        divided //= window.size
        tap = taps.div(divided, rounding_mode="floor") % window.size
        shape = [1] * rank
        shape[axis] = -1
        start = (arange(pooling.out[axis]) * window.stride - pooling.padding[axis]).reshape(shape)
        one = start + tap * window.dilation
        places = one if places is None else places * pooling.sizes[axis] + one
    return places


def _taken(x, index, rank):
    """The elements of planes at places given as one number."""
    shape = index.form.shape
    planes = tuple(shape[: len(shape) - rank])
    flat = x.reshape((*planes, -1)) if x.form.numel else x.reshape((*planes, 0))
    return flat.gather(-1, index.reshape((*planes, -1))).reshape(shape)


@operation("max_unpool(Tensor self, Tensor indices, int[] shape, int rank) -> Tensor")
def max_unpool(self, indices, shape, rank):
    """Zeros, with the input's elements at their indices in each plane."""
    refuse_complex(self, f"\"max_unpool{max(rank, 2)}d\" not implemented for '{{}}'")
    return _in_order_of(self, launch.unpool(self, indices, shape, rank, adds=False))


def _in_order_of(x, y):
    """An image with its channels side by side where those of x are."""
    if x.form.ndim != 4 or not x.form.suggests_last:
        return y
    return y.contiguous(memory_format=channels_last)


max_unpool.node_name = "MaxUnpool2DBackward0"
max_unpool.tensor_names = ("self",)


@max_unpool.gradient
def _(g, indices, rank):
    return _taken(g, indices, rank)


# --- averages ----------------------------------------------------------------------------------


@operation("average_pool_windows(Tensor self, Scalar pooling) -> Tensor")
def average_pool_windows(self, pooling):
    """The average of each window."""
    return launch.average_pool(self, pooling)


average_pool_windows.node_name = "AvgPool2DBackward0"


@average_pool_windows.gradient
def _(g, self_form, pooling):
    shape = tuple(self_form.shape)
    return registry["average_pool_windows_backward"].function(g, shape, pooling)


def _averages(self, pooling):
    """Averages, of images whose channels lie side by side as they lie."""
    last = _last(self, pooling)
    if last is None:
        return average_pool_windows.function(self, pooling)
    return average_pool_windows.function(self.permute(0, 2, 3, 1), last).permute(0, 3, 1, 2)


@operation("average_pool_windows_backward(Tensor grad, int[] shape, Scalar pooling) -> Tensor")
def average_pool_windows_backward(grad, shape, pooling):
    """Gradients of averages shared out over their windows."""
    return launch.average_pool_backward(grad, shape, pooling)


@average_pool_windows_backward.gradient
def _(g, pooling):
    return registry["average_pool_windows"].function(g, pooling)


def _make_average_pool(rank):
    name = f"avg_pool{rank}d"
    override = ", int? divisor_override=None" if rank > 1 else ""

    @composite(
        f"{name}(Tensor self, int[{rank}] kernel_size, int[{rank}] stride=[], int[{rank}] "
        f"padding=0, bool ceil_mode=False, bool count_include_pad=True{override}) -> Tensor"
    )
    def avg_pool(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
        divisor_override=None
    ):
        """The average of each window."""
        divisor = PADDED if count_include_pad else INSIDE
        if divisor_override is not None:
            if divisor_override == 0:
                raise RuntimeError("divisor must be not zero")
            divisor = divisor_override
        pooling = windows(
            name, tuple(self.form.shape), rank, _frozen(kernel_size), _frozen(stride),
            _frozen(padding), 1, ceil_mode, divisor,
        )
        _refuse("avg_pool2d" if rank < 3 else "avg_pool3d_out_frame", self, ("int64",))
        return _averages(self, pooling)

    avg_pool.method = False
    avg_pool.namespace = "torch" if rank == 1 else "nn"


# --- windows spread evenly ---------------------------------------------------------------------


def _check_adaptive(name, shape, out, rank):
    if len(shape) not in (rank + 1, rank + 2):
        if rank == 1:
            raise RuntimeError(
                f"Expected 2 to 3 dimensions, but got {len(shape)}-dimensional tensor for argument "
                f"#1 'self' (while checking arguments for {name})"
            )
        colon = ":" if "max" in name else ""
        raise RuntimeError(
            f"{name}(): Expected {rank + 1}D or {rank + 2}D tensor, but got{colon} {list(shape)}"
        )
    if "avg" in name and min(out) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received "
            f"{{{', '.join(map(str, out))}}}"
        )
    if min(out) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(out)}: "
            f"{[*shape[:-rank], *out]}"
        )
    first = len(shape) - rank
    empty = next((d for d in range(first, len(shape)) if shape[d] == 0), None)
    if empty is not None:
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input "
            f"has sizes {list(shape)} with dimension {empty} being empty"
        )


def _adaptive_sizes(name, self, output_size, rank):
    """The checked sizes asked for; None keeps a size."""
    shape = tuple(self.form.shape)
    if isinstance(output_size, int) or output_size is None:
        output_size = (output_size,) * rank
    if len(output_size) != rank:
        if rank == 1:
            raise RuntimeError(
                f"{name}() argument 'output_size' should contain one int (got {len(output_size)})"
            )
        internal = "(): internal error: output_size.size() must be" if "max" in name else (
            ": output_size must be"
        )
        raise RuntimeError(f"{name}{internal} {rank}")
    kept = shape[-rank:] if len(shape) >= rank else (0,) * rank
    out = tuple(
        [have if want is None else want for want, have in zip(output_size, kept, strict=True)]
    )
    _check_adaptive(name, shape, out, rank)
    return out


def _even(self, out, rank, divisor=""):
    """The pooling that windows spread evenly are where sizes divide, else None."""
    sizes = tuple(self.form.shape[-rank:])
    if 0 in out or any(n % o for n, o in zip(sizes, out, strict=True)):
        return None
    known = [Window(n // o, n // o, 1) for n, o in zip(sizes, out, strict=True)]
    pooling = Pooling(sizes, out, tuple(known), (0,) * rank, divisor)
    return pooling if pooling.is_known else None


@operation("adaptive_average_pool(Tensor self, int[] out) -> Tensor")
def adaptive_average_pool(self, out):
    """Averages over windows spread evenly."""
    return launch.adaptive_average_pool(self, out)


adaptive_average_pool.node_name = "AdaptiveAvgPool2DBackward0"


@adaptive_average_pool.gradient
def _(g, self_form, out):
    shape = tuple(self_form.shape)
    return registry["adaptive_average_pool_backward"].function(g, shape, len(out))


@operation("adaptive_average_pool_backward(Tensor grad, int[] shape, int rank) -> Tensor")
def adaptive_average_pool_backward(grad, shape, rank):
    """Gradients of averages shared out over windows spread evenly."""
    return launch.adaptive_average_pool_backward(grad, shape, rank)


@adaptive_average_pool_backward.gradient
def _(g, grad_form, rank):
    out = tuple(grad_form.shape[grad_form.ndim - rank :])
    return registry["adaptive_average_pool"].function(g, out)


@operation("adaptive_max_pool(Tensor self, int[] out) -> (Tensor, Tensor)")
def adaptive_max_pool(self, out):
    """The largest elements of windows spread evenly, and their places."""
    return launch.adaptive_max_pool(self, out)


adaptive_max_pool.node_name = "AdaptiveMaxPool2DBackward0"
adaptive_max_pool.differentiable_outputs = (0,)


@adaptive_max_pool.gradient
def _(g, ys, self_form, out):
    return registry["adaptive_max_pool_backward"].function(
        g[0], ys[1], tuple(self_form.shape), len(out)
    )


@operation("adaptive_max_pool_backward(Tensor grad, Tensor index, int[] shape, int rank) -> Tensor")
def adaptive_max_pool_backward(grad, index, shape, rank):
    """Gradients of windows added where their largest elements were."""
    return launch.unpool(grad, index, shape, rank, adds=True)


adaptive_max_pool_backward.tensor_names = ("grad",)


@adaptive_max_pool_backward.gradient
def _(g, index, rank):
    return _taken(g, index, rank)


def _make_adaptive(rank):
    @composite(f"adaptive_avg_pool{rank}d(Tensor self, int[{rank}] output_size) -> Tensor")
    def adaptive_avg_pool(self, output_size):
        """Averages over as many windows as asked for, spread evenly."""
        out = _adaptive_sizes(f"adaptive_avg_pool{rank}d", self, output_size, rank)
        _refuse(f"adaptive_avg_pool{max(2, rank)}d", self, ())
        if rank == 2 and out == (1, 1):
            return self.mean((-1, -2), keepdim=True)
        pooling = _even(self, out, rank, PADDED)
        if pooling is not None:
            return _averages(self, pooling)
        return adaptive_average_pool.function(self, out)

    @composite(
        f"adaptive_max_pool{rank}d(Tensor self, int[{rank}] output_size) -> (Tensor, Tensor)"
    )
    def adaptive_max_pool_(self, output_size):
        """The largest elements of as many windows as asked for, and their places in the plane."""
        out = _adaptive_sizes(f"adaptive_max_pool{rank}d", self, output_size, rank)
        _refuse(f"adaptive_max_pool{max(2, rank)}d", self, INTEGERS)
        pooling = _even(self, out, rank)
        if pooling is not None:
            return registry[f"max_pool{rank}d_windows"].function(self, pooling, "i64")
        return adaptive_max_pool.function(self, out)

    for record in (adaptive_avg_pool, adaptive_max_pool_):
        record.method = False
        record.namespace = "torch" if rank == 1 else "nn"


for _rank in (1, 2, 3):
    _make_max_pool(_rank)
    _make_average_pool(_rank)
    _make_adaptive(_rank)

# Where records stand that are no functions of torch itself.
for _name in (
    "max_pool_windows_backward", "max_unpool", "average_pool_windows", "adaptive_average_pool",
    "average_pool_windows_backward", "adaptive_average_pool_backward", "adaptive_max_pool",
    "adaptive_max_pool_backward", "max_pool2d_with_indices_backward",
):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in (
    "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d",
    "max_pool3d_with_indices",
):  # fmt: skip
    registry[_key].names(names.same)
for _key, _refused in (
    ("avg_pool1d", "unsqueeze"), ("adaptive_avg_pool1d", "unsqueeze"),
    ("adaptive_max_pool1d", "unsqueeze"), ("adaptive_avg_pool2d", "_adaptive_avg_pool2d"),
    ("adaptive_avg_pool3d", "_adaptive_avg_pool3d"),
):  # fmt: skip
    registry[_key].names(_refused)
