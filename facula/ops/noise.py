"""Dropout of elements and of channels, dropout for SELU, and leaky relu with random slopes.

Which draws become which elements is PyTorch's: Note [random streams].
"""

import math
from functools import lru_cache

from facula.autograd.mode import mode
from facula.dispatch import dtype_word
from facula.generator import Generator, default_generator, kernel_of
from facula.kernel.library.random import Dropout
from facula.kernel.scalar import where
from facula.launch.sampling import fill_chance, shown, threshold
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.op import SAME, composite, operation, pointwise, pointwise_of, registry
from facula.tensor import allocate


def _mask(self, p):
    """Zeros with probability p, 1 / (1 - p) otherwise."""
    noise = registry["empty_like"].function(self.detach())
    if p == 1:
        return noise.zero_()
    fill_chance(noise, 1 - p, default_generator, 1 - p)
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
        y.address, form.numel, x.address, threshold(1 - p), _scale(p, form.dtype),
    )  # fmt: skip


def _check_dropout(self, p, train):
    _check(p)
    if train and p and not self.form.dtype.is_floating_point:
        raise RuntimeError(
            "result type Float can't be cast to the desired output type "
            f"{dtype_word(self.form.dtype)}"
        )


@composite("dropout(Tensor input, float p, bool train) -> Tensor")
def dropout(input, p, train):
    """Each element zeroed with probability p, and scaled by 1 / (1 - p) otherwise.

    The result has the shape of self. Raises RuntimeError for a probability outside [0, 1].
    """
    _check_dropout(input, p, train)
    if p == 0 or not train or not input.form.numel:
        return input
    form = input.form
    if p == 1:
        return input * _mask(input, p)
    if mode.enabled and input.needs_grad:
        if form.numel < WIDE_DROPOUT:
            return input * _mask(input, p)
        kept = registry["empty_like"].function(input.detach(), dtype=dtypes.bool_)
        fill_chance(kept, 1 - p, default_generator)
        return registry["scale_chosen"].function(input, kept, _scale(p, form.dtype))
    if not form.dense:
        return input * _mask(input, p)
    y = allocate(form)
    _drop(input, y, p)
    return y


@composite("dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)")
def dropout_(self, p, train):
    """The same, in place.

    The result has the shape of self. Raises RuntimeError for a probability outside [0, 1].
    """
    _check_dropout(self, p, train)
    if p == 0 or not train or not self.form.numel:
        return self
    if p == 1 or self.needs_grad or self.base is not None or not self.form.dense:
        return self.mul_(_mask(self, p))
    _drop(self, self, p)
    self.block.version += 1
    return self

# Minus what selu tends to, for the dropped: its scale times its alpha.
SELU_LIMIT = 1.7580993408473766


def _check(p):
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {shown(p)}")


def _noise(x, p, features):
    """Ones with probability 1 - p, one a channel or one an element."""
    if features:
        if x.form.ndim < 2:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        shape = (*x.form.shape[:2], *(1,) * (x.form.ndim - 2))
        noise = registry["empty"].function(shape, dtype=x.form.dtype)
    else:
        noise = registry["empty_like"].function(x.detach())
    return noise.bernoulli_(1 - p)


def _dropped(self, p, train, features, alpha, inplace):
    """torch's family of dropouts; `alpha` keeps mean and variance of what selu gives."""
    _check(p)
    if p == 0 or not train or not self.form.numel:
        return self
    if p == 1:
        zero = registry["zeros"].function((), dtype=self.form.dtype)
        return self.mul_(zero) if inplace else self * zero
    noise = _noise(self, p, features)
    if not alpha:
        noise.div_(1 - p)
        return self.mul_(noise) if inplace else self * noise
    a = 1.0 / math.sqrt((SELU_LIMIT * SELU_LIMIT * p + 1) * (1 - p))
    shift = noise.add(-1).mul_(SELU_LIMIT * a).add_(SELU_LIMIT * a * p)
    noise.mul_(a)
    return self.mul_(noise).add_(shift) if inplace else self * noise + shift


@composite("feature_dropout(Tensor input, float p, bool train) -> Tensor")
def feature_dropout(input, p, train):
    """Each channel of (N, C, ...) zeroed with probability p, and scaled by 1 / (1 - p) else."""
    return _dropped(input, p, train, True, False, False)


@composite("feature_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)")
def feature_dropout_(self, p, train):
    """The same, in place.

    self (N, C, *), whole channels at a time. Raises RuntimeError for a probability outside [0, 1]
    or less than two dims.
    """
    return _dropped(self, p, train, True, False, True)


@composite("alpha_dropout(Tensor input, float p, bool train) -> Tensor")
def alpha_dropout(input, p, train):
    """Elements set to selu's limit with probability p; mean 0 and variance 1 stay (Klambauer et
    al., arXiv 1706.02515).

    The result has the shape of self. Raises RuntimeError for a probability outside [0, 1].
    """
    return _dropped(input, p, train, False, True, False)


@composite("alpha_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)")
def alpha_dropout_(self, p, train):
    """The same, in place.

    The result has the shape of self. Raises RuntimeError for a probability outside [0, 1].
    """
    return _dropped(self, p, train, False, True, True)


@composite("feature_alpha_dropout(Tensor input, float p, bool train) -> Tensor")
def feature_alpha_dropout(input, p, train):
    """alpha_dropout of whole channels of (N, C, ...)."""
    return _dropped(input, p, train, True, True, False)


@composite("feature_alpha_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)")
def feature_alpha_dropout_(self, p, train):
    """The same, in place.

    self (N, C, *), whole channels at a time. Raises RuntimeError for a probability outside [0, 1]
    or less than two dims.
    """
    return _dropped(self, p, train, True, True, True)


@composite("native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)")
def native_dropout(input, p, train):
    """dropout, and which elements it kept."""
    if not input.form.numel:
        return input, registry["empty_like"].function(input.detach())
    if not train or p == 0:
        kept = registry["ones_like"].function(input.detach(), dtype=dtypes.bool_)
        return input.clone(), kept
    _check(p)
    kept = registry["empty_like"].function(input.detach(), dtype=dtypes.bool_)
    kept.bernoulli_(1 - p)
    return input * kept * (0.0 if p == 1 else 1.0 / (1 - p)), kept


@composite("native_dropout_backward(Tensor grad_output, Tensor mask, float scale) -> Tensor")
def native_dropout_backward(grad_output, mask, scale):
    """The gradient of native_dropout: what it kept, scaled."""
    return grad_output * mask * scale


# --- leaky relu with random slopes ----------------------------------------------------------------


def _slopes(x, lower, upper, generator):
    """1 above 0; elsewhere slopes drawn one by one in the order of elements, as float64."""
    flat = x.detach().reshape(-1)
    below = flat <= 0
    draws = registry["empty"].function((int(below.sum()),), dtype=dtypes.float64)
    draws.uniform_(lower, upper, generator=generator)
    slopes = registry["ones_like"].function(flat)
    return slopes.masked_scatter(below, draws.to(x.form.dtype)).reshape(x.form.shape)


@operation("rrelu_elementwise(Tensor self, Tensor slopes) -> Tensor")
def rrelu_elementwise(self, slopes):
    """Each element times its slope."""
    return self * slopes


rrelu_elementwise.node_name = "RreluWithNoiseBackward0"
rrelu_elementwise.tensor_names = ("self",)


@rrelu_elementwise.gradient
def _(g, slopes):
    return g * slopes


def _check_rrelu(self, lower, upper, training, generator):
    for name, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise RuntimeError(
                f"rrelu: {name} bound must be finite, got {bound:g}"
            )
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"rrelu(): argument 'generator' must be torch.Generator, not "
                        f"{type(generator).__name__}")
    if not self.form.dtype.is_floating_point:
        name = "rrelu_with_noise_out_cpu" if training else "leaky_relu_cpu"
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtype_word(self.form.dtype)}'")


@composite("rrelu(Tensor self, Scalar lower=0.125, Scalar upper=0.3333333333333333, "
           "bool training=False, Generator? generator=None) -> Tensor")
def rrelu(self, lower=0.125, upper=1 / 3, training=False, generator=None):
    """x above 0, elsewhere x times a slope: in training drawn from [lower, upper), else their
    middle (Xu et al., arXiv 1505.00853).

    The result has the shape of self. Raises RuntimeError for a probability outside [0, 1] or bounds
    in the wrong order.
    """
    _check_rrelu(self, lower, upper, training, generator)
    if not training:
        return registry["leaky_relu"].function(self, (lower + upper) / 2)
    return rrelu_elementwise.function(self, _slopes(self, lower, upper, generator))


@composite("rrelu_(Tensor(a!) self, Scalar lower=0.125, Scalar upper=0.3333333333333333, "
           "bool training=False, Generator? generator=None) -> Tensor(a!)")
def rrelu_(self, lower=0.125, upper=1 / 3, training=False, generator=None):
    """The same, in place.

    The result has the shape of self. Raises RuntimeError for a probability outside [0, 1] or bounds
    in the wrong order.
    """
    _check_rrelu(self, lower, upper, training, generator)
    if not training:
        below = registry["leaky_relu"].inplace_function
        return below(self, (lower + upper) / 2)  # type: ignore[misc]
    return self.mul_(_slopes(self, lower, upper, generator))


# Where records stand that are no functions of torch itself.
for _name in ("native_dropout_backward", "rrelu_elementwise"):
    registry[_name].namespace = "internal"
for _name in ("dropout_", "feature_dropout_", "alpha_dropout_", "feature_alpha_dropout_", "rrelu",
              "rrelu_", "rrelu_elementwise", "native_dropout_backward"):
    registry[_name].method = False

# What the dimensions of results are called (Note [named tensors]).
for _key in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"):
    registry[_key].names(names.same)
    registry[f"{_key}_"].names(names.same)
