"""Pooling over the last two dimensions of (N, C, H, W) or (C, H, W)."""

from facula.launch.pooling import average_pool, average_pool_backward, max_pool, max_pool_backward
from facula.op import composite, operation, registry


def _pair(value, name):
    if isinstance(value, int):
        return value, value
    value = tuple(value)
    if len(value) not in (1, 2):
        raise RuntimeError(f"{name} must either be a single int, or a tuple of two ints")
    return value * 2 if len(value) == 1 else value


def _check_input(name, x):
    shape = x.form.shape
    if name == "max_pool2d" and len(shape) not in (3, 4):
        raise RuntimeError("non-empty 3D or 4D (batch mode) tensor expected for input")
    if len(shape) not in (3, 4) or any(n == 0 for n in shape[-3:]):
        raise RuntimeError(
            f"{name}(): Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got: {list(shape)}"
        )


def output_size(size, kernel, stride, pad, dilation, ceil_mode):
    """Windows along one dimension; with ceil_mode the last may hang over, but must begin inside."""
    span = size + 2 * pad - dilation * (kernel - 1) - 1
    count = (span + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + pad:
        count -= 1
    return count


def _windows(name, x, kernel_size, stride, padding, dilation, ceil_mode):
    """Checked (out, window numbers) of a pooling."""
    _check_input(name, x)
    kh, kw = _pair(kernel_size, f"{name}: kernel_size")
    sh, sw = _pair(
        kernel_size if stride is None or stride == [] or stride == () else stride, f"{name}: stride"
    )
    ph, pw = _pair(padding, f"{name}: padding")
    dh, dw = _pair(dilation, f"{name}: dilation")
    if kh <= 0 or kw <= 0:
        raise RuntimeError(f"kernel size should be greater than zero, but got kH: {kh} kW: {kw}")
    if sh <= 0 or sw <= 0:
        raise RuntimeError(f"stride should be greater than zero, but got dH: {sh} dW: {sw}")
    if ph < 0 or pw < 0:
        raise RuntimeError(f"pad must be non-negative, but got pad: {min(ph, pw)}")
    if dh <= 0 or dw <= 0:
        raise RuntimeError(
            f"dilation should be greater than zero, but got dilationH: {dh} dilationW: {dw}"
        )
    if 2 * ph > (kh - 1) * dh + 1 or 2 * pw > (kw - 1) * dw + 1:
        raise RuntimeError(
            f"pad should be at most half of effective kernel size, but got pad={max(ph, pw)}, "
            f"kernel_size={kh if 2 * ph > kh else kw} and dilation={dh}"
        )
    h, w = x.form.shape[-2:]
    oh, ow = output_size(h, kh, sh, ph, dh, ceil_mode), output_size(w, kw, sw, pw, dw, ceil_mode)
    if oh < 1 or ow < 1:
        c = x.form.shape[-3]
        raise RuntimeError(
            f"Given input size: ({c}x{h}x{w}). Calculated output size: ({c}x{oh}x{ow}). Output "
            "size is too small"
        )
    return (oh, ow), (kh, kw, sh, sw, ph, pw, dh, dw)


@operation(
    "max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, "
    "int[2] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)"
)
def max_pool2d_with_indices(self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest element of each window, and its index within the plane."""
    out, window = _windows("max_pool2d", self, kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool(self, out, window)


max_pool2d_with_indices.differentiable_outputs = (0,)


@max_pool2d_with_indices.gradient
def _(g, ys, self_form):
    return registry["max_pool2d_backward"].function(g[0], ys[1], tuple(self_form.shape))


@operation("max_pool2d_backward(Tensor grad, Tensor index, int[] shape) -> Tensor")
def max_pool2d_backward(grad, index, shape):
    """Gradients of windows added where their largest elements were."""
    return max_pool_backward(grad, index, shape)


max_pool2d_backward.tensor_names = ("grad",)


@max_pool2d_backward.gradient
def _(g, index, shape):
    planes = index.form.shape[:-2]
    flat = g.reshape((*planes, shape[-2] * shape[-1]))
    return flat.gather(-1, index.reshape((*planes, -1))).reshape(index.form.shape)


@composite(
    "max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, "
    "int[2] dilation=1, bool ceil_mode=False) -> Tensor"
)
def max_pool2d(self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest element of each window."""
    return registry["max_pool2d_with_indices"].function(
        self, kernel_size, stride, padding, dilation, ceil_mode
    )[0]


@operation(
    "avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, "
    "bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor"
)
def avg_pool2d(
    self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
    divisor_override=None
):
    """The average of each window."""
    out, window = _windows("avg_pool2d", self, kernel_size, stride, padding, 1, ceil_mode)
    return average_pool(
        self, out, window, _divisor(count_include_pad, divisor_override), adaptive=False
    )


def _divisor(count_include_pad, divisor_override):
    if divisor_override is not None:
        if divisor_override == 0:
            raise RuntimeError("divisor must be not zero")
        return divisor_override
    return -1 if count_include_pad else -2


@avg_pool2d.gradient
def _(g, self_form, kernel_size, stride, padding, count_include_pad, divisor_override):
    kernel = _pair(kernel_size, "kernel_size")
    step = kernel if stride is None or stride == [] or stride == () else _pair(stride, "stride")
    window = (*kernel, *step, *_pair(padding, "padding"), 1, 1)
    divisor = _divisor(count_include_pad, divisor_override)
    return registry["average_pool_backward"].function(
        g, tuple(self_form.shape), window, divisor, False
    )


@operation(
    "average_pool_backward(Tensor grad, int[] shape, int[] window, int divisor, bool adaptive) "
    "-> Tensor"
)
def average_pool_backward_(grad, shape, window, divisor, adaptive):
    """Gradients of averages shared out over their windows."""
    return average_pool_backward(grad, shape, window, divisor, adaptive=adaptive)


@average_pool_backward_.gradient
def _(g, grad_form, window, divisor, adaptive):
    return registry["average_pool"].function(
        g, tuple(grad_form.shape[-2:]), window, divisor, adaptive
    )


@operation("average_pool(Tensor input, int[] out, int[] window, int divisor, bool adaptive) "
           "-> Tensor")
def average_pool_(input, out, window, divisor, adaptive):
    """Averages over windows that have been worked out already."""
    return average_pool(input, out, window, divisor, adaptive=adaptive)


@average_pool_.gradient
def _(g, input_form, window, divisor, adaptive):
    return registry["average_pool_backward"].function(
        g, tuple(input_form.shape), window, divisor, adaptive
    )


NO_WINDOW = (1, 1, 1, 1, 0, 0, 1, 1)


@composite("adaptive_avg_pool2d(Tensor self, int[2] output_size) -> Tensor")
def adaptive_avg_pool2d(self, output_size):
    """Averages over as many windows as asked for, spread evenly."""
    shape = self.form.shape
    if len(shape) not in (3, 4):
        raise RuntimeError(
            f"adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got {list(shape)}"
        )
    if any(n == 0 for n in shape[1 if len(shape) == 4 else 0 :]):
        raise RuntimeError(
            "adaptive_avg_pool2d(): Expected input to have non-zero size for non-batch dimensions, "
            f"but input has sizes {list(shape)}"
        )
    pair = _pair(output_size, "adaptive_avg_pool2d: output_size")
    out = tuple(
        [have if want is None else want for want, have in zip(pair, shape[-2:], strict=True)]
    )
    if min(out) < 0:
        raise RuntimeError(
            "adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0, got "
            f"{list(out)}"
        )
    if out == (1, 1):
        return self.mean((-1, -2), keepdim=True)
    return registry["average_pool"].function(self, out, NO_WINDOW, 0, True)

# Where records stand that are no functions of torch itself.
for _name in ("adaptive_avg_pool2d", "avg_pool2d", "max_pool2d_with_indices"):
    registry[_name].namespace = "nn"
    registry[_name].method = False
for _name in ("average_pool", "average_pool_backward", "max_pool2d_backward"):
    registry[_name].namespace = "internal"
    registry[_name].method = False
