"""torch.nn.functional: the operations of networks as functions of tensors.

Most are operations of `facula.ops` under the name and signature torch gives them here; what is not
an operation of its own is composed of tensor operations. Layers call these and nothing else.
"""

import warnings
from collections.abc import Sequence

from facula.autograd.mode import no_grad
from facula.meta.dtype import dtype as DType
from facula.meta.dtype import int64
from facula.meta.layout import contiguous_format
from facula.nn.attention import multi_head_attention_forward, scaled_dot_product_attention
from facula.nn.dropping import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from facula.nn.linear_loss import linear_cross_entropy
from facula.nn.losses import (
    chosen_reduction,
    cosine_embedding_loss,
    ctc_loss,
    gaussian_nll_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    poisson_nll_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from facula.nn.pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
    max_pool3d,
    max_pool3d_with_indices,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from facula.nn.resize import (
    channel_shuffle,
    fold,
    interpolate,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
    upsample,
    upsample_bilinear,
    upsample_nearest,
)
from facula.nn.sampling import (
    affine_grid,
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
    grid_sample,
)
from facula.ops.calls import op
from facula.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "fold",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "grid_sample",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "linear_cross_entropy",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mish",
    "mse_loss",
    "multi_head_attention_forward",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "native_channel_shuffle",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rms_norm",
    "rrelu",
    "rrelu_",
    "scaled_dot_product_attention",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

# --- operations that have this very signature ---------------------------------------------------

linear = op.linear
bilinear = op.bilinear
conv_tbc = op.conv_tbc
native_channel_shuffle = op.native_channel_shuffle
conv1d = op.conv1d
conv2d = op.conv2d
conv3d = op.conv3d
conv_transpose1d = op.conv_transpose1d
conv_transpose2d = op.conv_transpose2d
conv_transpose3d = op.conv_transpose3d
prelu = op.prelu
gelu = op.gelu
softplus = op.softplus
hardshrink = op.hardshrink
softshrink = op.softshrink
one_hot = op.one_hot
pairwise_distance = op.pairwise_distance
pdist = op.pdist
cosine_similarity = op.cosine_similarity


# --- activations that can write over their input -----------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), element by element; nan stays nan.

    Input and result (*): any shape. With `inplace` the input is overwritten and returned. The
    gradient is 1 where x > 0, else 0, also at 0. Raises RuntimeError for bool input,
    NotImplementedError for complex, and RuntimeError for a leaf that requires a gradient with
    `inplace`.

    >>> import facula as torch
    >>> torch.nn.functional.relu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return op.relu_(input) if inplace else op.relu(input)


def relu_(input: Tensor) -> Tensor:
    """`relu` written over the input, which is returned.

    Raises RuntimeError where the input may not be written: a leaf that requires a gradient, an
    expanded tensor.

    >>> import facula as torch
    >>> x = torch.tensor([-1.0, 2.0])
    >>> torch.nn.functional.relu_(x) is x, x
    (True, tensor([0., 2.]))
    """
    return op.relu_(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x clamped between 0 and 6: min(max(x, 0), 6).

    Input and result (*): any shape. Krizhevsky, Convolutional deep belief networks on CIFAR-10
    (2010).

    >>> import facula as torch
    >>> torch.nn.functional.relu6(torch.tensor([-1.0, 3.0, 8.0]))
    tensor([0., 3., 6.])
    """
    return op.relu6_(input) if inplace else op.relu6(input)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al., arXiv 1511.07289).

    Input and result (*): any shape. With `inplace` the input is overwritten. Raises
    NotImplementedError for integers.

    >>> import facula as torch
    >>> torch.nn.functional.elu(torch.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
    tensor([-0.3161,  0.0000,  2.0000])
    """
    return op.elu_(input, alpha) if inplace else op.elu(input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """scale * x where positive, scale * alpha * (exp(x) - 1) elsewhere, scale 1.0507, alpha 1.6733.

    The two constants make zero mean and unit variance a fixed point of deep networks (Klambauer et
    al., arXiv 1706.02515). Input and result (*): any shape.

    >>> import facula as torch
    >>> torch.nn.functional.selu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1113,  0.0000,  2.1014])
    """
    return op.selu_(input) if inplace else op.selu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha * (exp(x / alpha) - 1) elsewhere (Barron, arXiv 1704.07483).

    Unlike `elu` its slope at 0 is 1 for any alpha. Input and result (*): any shape. With `inplace`
    the input is overwritten. Raises NotImplementedError for integers.

    >>> import facula as torch
    >>> torch.nn.functional.celu(torch.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
    tensor([-0.4323,  0.0000,  2.0000])
    """
    return op.celu_(input, alpha) if inplace else op.celu(input, alpha)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, negative_slope * x elsewhere.

    Input and result (*): any shape. Maas et al., Rectifier nonlinearities improve neural network
    acoustic models (2013). With `inplace` the input is overwritten.

    >>> import facula as torch
    >>> torch.nn.functional.leaky_relu(torch.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    if inplace:
        return op.leaky_relu_(input, negative_slope)
    return op.leaky_relu(input, negative_slope)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """x where positive, elsewhere x times a slope: in training drawn from [lower, upper) for every
    element, else the middle of both (Xu et al., arXiv 1505.00853).

    Input and result (*): any shape. Draws from the default generator. Raises RuntimeError where
    lower > upper.

    >>> import facula as torch
    >>> torch.nn.functional.rrelu(torch.tensor([-1.0, 2.0]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])
    """
    function = op.rrelu_ if inplace else op.rrelu
    made: Tensor = function(input, lower, upper, training)
    return made


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """`rrelu` written over the input, which is returned.

    >>> import facula as torch
    >>> torch.nn.functional.rrelu_(torch.tensor([-1.0, 2.0]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])
    """
    made: Tensor = op.rrelu_(input, lower, upper, training)
    return made


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu` written over the input, which is returned.

    >>> import facula as torch
    >>> torch.nn.functional.elu_(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return op.elu_(input, alpha)


def selu_(input: Tensor) -> Tensor:
    """`selu` written over the input, which is returned.

    >>> import facula as torch
    >>> torch.nn.functional.selu_(torch.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return op.selu_(input)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu` written over the input, which is returned.

    >>> import facula as torch
    >>> torch.nn.functional.celu_(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return op.celu_(input, alpha)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu` written over the input, which is returned.

    >>> import facula as torch
    >>> torch.nn.functional.leaky_relu_(torch.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return op.leaky_relu_(input, negative_slope)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold` written over the input, which is returned.

    >>> import facula as torch
    >>> torch.nn.functional.threshold_(torch.tensor([0.5, 2.0]), 1.0, -3.0)
    tensor([-3.,  2.])
    """
    return op.threshold_(input, threshold, value)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh` written over the input, which is returned.

    >>> import facula as torch
    >>> torch.nn.functional.hardtanh_(torch.tensor([-3.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    return op.hardtanh_(input, min_val, max_val)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it exceeds `threshold`, `value` elsewhere.

    Input and result (*): any shape. With `inplace` the input is overwritten.

    >>> import facula as torch
    >>> torch.nn.functional.threshold(torch.tensor([0.5, 1.0, 2.0]), 1.0, -3.0)
    tensor([-3., -3.,  2.])
    """
    if inplace:
        return op.threshold_(input, threshold, value)
    return op.threshold(input, threshold, value)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x clamped between `min_val` and `max_val`.

    Input and result (*): any shape. The gradient is 1 strictly between the bounds, 0 elsewhere.
    Raises ValueError where min_val > max_val.

    >>> import facula as torch
    >>> torch.nn.functional.hardtanh(torch.tensor([-3.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if inplace:
        return op.hardtanh_(input, min_val, max_val)
    return op.hardtanh(input, min_val, max_val)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x), also called swish (Hendrycks and Gimpel, arXiv 1606.08415).

    Input and result (*): any shape. Its least value is -0.2785, at x = -1.2785.

    >>> import facula as torch
    >>> torch.nn.functional.silu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2689,  0.0000,  1.7616])
    """
    return op.silu_(input) if inplace else op.silu(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x)) (Misra, arXiv 1908.08681). Input and result (*): any shape.

    >>> import facula as torch
    >>> torch.nn.functional.mish(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.3034,  0.0000,  1.9440])
    """
    return op.mish_(input) if inplace else op.mish(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """x / 6 + 1 / 2, clamped between 0 and 1: a sigmoid made of three lines.

    Input and result (*): any shape. Courbariaux et al., arXiv 1511.00363.

    >>> import facula as torch
    >>> torch.nn.functional.hardsigmoid(torch.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return op.hardsigmoid_(input) if inplace else op.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * hardsigmoid(x) (Howard et al., arXiv 1905.02244). Input and result (*): any shape.

    >>> import facula as torch
    >>> torch.nn.functional.hardswish(torch.tensor([-4.0, 0.0, 1.5]))
    tensor([-0.0000, 0.0000, 1.1250])
    """
    return op.hardswish_(input) if inplace else op.hardswish(input)


# --- other activations -------------------------------------------------------------------------


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)): a score made a probability. Input and result (*): any shape.

    >>> import facula as torch
    >>> torch.nn.functional.sigmoid(torch.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent, (exp(x) - exp(-x)) / (exp(x) + exp(-x)). Input and result (*): any shape.

    >>> import facula as torch
    >>> torch.nn.functional.tanh(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """
    return input.tanh()


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)) = -log(1 + exp(-x)), in nats, finite also where sigmoid(x) underflows.

    Input and result (*): any shape. Raises NotImplementedError for integers.

    >>> import facula as torch
    >>> torch.nn.functional.logsigmoid(torch.tensor([-200.0, 0.0, 2.0]))
    tensor([-2.0000e+02, -6.9315e-01, -1.2693e-01])
    """
    return op.log_sigmoid(input)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x). Input and result (*): any shape.

    >>> import facula as torch
    >>> torch.nn.functional.tanhshrink(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """
    return op.tanhshrink(input)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|), between -1 and 1. Input and result (*): any shape.

    >>> import facula as torch
    >>> torch.nn.functional.softsign(torch.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5000,  0.0000,  0.7500])
    """
    return op.softsign(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along `dim` times the sigmoid of the second (Dauphin et al., arXiv
    1612.08083).

    Input (*, 2k, *), result (*, k, *), with the size of `dim` halved. Raises RuntimeError where
    that size is odd or the input has no dimension, IndexError for a dim that is not there.

    >>> import facula as torch
    >>> torch.nn.functional.glu(torch.tensor([1.0, 2.0, 0.0, 100.0]))
    tensor([0.5000, 2.0000])
    """
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    if input.shape[dim] % 2 != 0:
        place = dim % input.dim()
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {place} is size {input.shape[dim]}"
        )
    first, second = input.chunk(2, dim)
    return first * second.sigmoid()


def _implied_dim(name: str, input: Tensor, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if input.dim() in (0, 1, 3) else 1


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """exp(x) scaled to sum to one along `dim`: exp(x - max) / sum(exp(x - max)), probabilities.

    Input and result (*): any shape. `dtype` converts the input first. Without `dim` a UserWarning
    comes, and dimension 0 of 0-, 1- or 3-dimensional input is taken, else 1. Raises IndexError for
    a dim that is not there, NotImplementedError for integers without `dtype`.

    >>> import facula as torch
    >>> torch.nn.functional.softmax(torch.tensor([[0.0, 0.0], [0.0, 1.0]]), dim=1)
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    """
    if dim is None:
        dim = _implied_dim("softmax", input, _stacklevel)
    return op.softmax(input, dim, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """log(softmax(x)) along `dim`, in nats: x - max - log(sum(exp(x - max))), in one piece.

    Input and result (*): any shape. Arguments and errors are those of `softmax`; unlike its
    logarithm, no element underflows to -inf.

    >>> import facula as torch
    >>> torch.nn.functional.log_softmax(torch.tensor([0.0, 0.0, -200.0]), dim=0)
    tensor([  -0.6931,   -0.6931, -200.6931])
    """
    if dim is None:
        dim = _implied_dim("log_softmax", input, _stacklevel)
    return op.log_softmax(input, dim, dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """softmax(-x) along `dim`: the smallest elements weigh most. Shapes and errors: see `softmax`.

    >>> import facula as torch
    >>> torch.nn.functional.softmin(torch.tensor([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])
    """
    if dim is None:
        dim = _implied_dim("softmin", input, _stacklevel)
    return op.softmax(-input, dim, dtype)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the Gumbel-softmax distribution: softmax((logits + gumbel noise) / tau).

    `hard` returns it one-hot in value, soft in gradient (straight through). As the temperature
    `tau` goes to 0 samples become one-hot, with the probabilities softmax(logits). Logits and
    result (*): any shape; `dim` sums to one. Draws from the default generator. Jang et al., arXiv
    1611.01144.

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.gumbel_softmax(torch.zeros(2, 3), tau=0.5, hard=True)
    tensor([[0., 0., 1.],
            [0., 1., 0.]])
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    noise = op.empty_like(logits.detach(), memory_format=contiguous_format)
    gumbels = (logits - noise.exponential_().log()) / tau
    soft: Tensor = gumbels.softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    chosen = op.zeros_like(soft.detach()).scatter_(dim, index, 1.0)
    return chosen - soft.detach() + soft


# --- normalisation -----------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for every channel (Ioffe and Szegedy, arXiv
    1502.03167).

    In training, mean and (biased) variance are those of the batch, and running ones, if given,
    become (1 - momentum) * old + momentum * new, with the unbiased variance; else the running ones
    are used. Input and result (N, C, *); weight, bias and statistics (C). Raises ValueError for one
    value a channel in training or a negative eps, RuntimeError for sizes that differ from C.

    >>> import facula as torch
    >>> x = torch.tensor([[1.0, 4.0], [3.0, 4.0]])
    >>> torch.nn.functional.batch_norm(x, None, None, training=True)
    tensor([[-1.0000,  0.0000],
            [ 1.0000,  0.0000]])
    """
    if training:
        _check_batch_size(input.shape)
        if eps <= 0.0:
            raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    elif eps < 0.0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    return op.batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps, False
    )


def _check_batch_size(shape: Sequence[int]) -> None:
    count = shape[0]
    for size in shape[2:]:
        count *= size
    if count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {shape}"
        )


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last dimensions of each sample.

    Input and result (*, *normalized_shape); weight and bias of normalized_shape; the variance is
    the biased one. Raises RuntimeError where the input does not end with normalized_shape. Ba et
    al., arXiv 1607.06450.

    >>> import facula as torch
    >>> torch.nn.functional.layer_norm(torch.tensor([[1.0, 3.0], [0.0, 8.0]]), (2,))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """
    return op.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each sample normalised over each of `num_groups` groups of channels, then scaled and shifted.

    Input and result (N, C, *); weight and bias (C). Mean and biased variance are over the C /
    num_groups channels of a group and all positions. Raises RuntimeError for input of less than two
    dimensions or C that num_groups does not divide, ValueError where a group is one value. Wu and
    He, arXiv 1803.08494.

    >>> import facula as torch
    >>> torch.nn.functional.group_norm(torch.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    if input.dim() < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.dim()}"
        )
    shape = input.shape
    if shape[1] % num_groups == 0:  # what is no error here is one in the operation
        _check_batch_size([shape[0] * shape[1] // num_groups, num_groups, *shape[2:]])
    return op.group_norm(input, num_groups, weight, bias, eps)


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions (Zhang and Sennrich, arXiv
    1910.07467).

    Input and result (*, *normalized_shape); weight of normalized_shape. Without `eps` it is the
    distance from 1 to the next number of the dtype. Raises RuntimeError where the input does not
    end with normalized_shape.

    >>> import facula as torch
    >>> torch.nn.functional.rms_norm(torch.tensor([3.0, 4.0]), (2,))
    tensor([0.8485, 1.1314])
    """
    return op.rms_norm(input, normalized_shape, weight, eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Every channel of every sample normalised over its positions, then scaled and shifted by
    channel.

    Input and result (N, C, *), or (C, *) for one sample; weight, bias and running statistics (C).
    Without `use_input_stats` the running ones are used; with it, running ones that are given are
    updated as `batch_norm` does. Raises ValueError where a channel has one position. Ulyanov et
    al., arXiv 1607.08022.

    >>> import facula as torch
    >>> torch.nn.functional.instance_norm(torch.tensor([[[1.0, 3.0], [0.0, 8.0]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """
    if use_input_stats:
        places = 1
        for size in input.shape[2:]:
            places *= size
        if places == 1:
            raise ValueError(
                f"Expected more than 1 spatial element when training, got input size {input.shape}"
            )
    return op.instance_norm(
        input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, False
    )


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """The input divided by (k + alpha * mean of squares over `size` neighbouring channels) ^ beta.

    Input and result (N, C, *); channels beyond the ends count as 0. Raises ValueError for input of
    less than three dimensions. Krizhevsky et al., ImageNet classification with deep convolutional
    neural networks (2012).

    >>> import facula as torch
    >>> torch.nn.functional.local_response_norm(torch.ones(1, 2, 1), 2, alpha=1.0, beta=1.0)
    tensor([[[0.6667],
             [0.5000]]])
    """
    if input.dim() < 3:
        raise ValueError(
            "Expected 3D or higher dimensionality                          "
            f"input (got {input.dim()} dimensions)"
        )
    if input.numel() == 0:
        return input
    channels = input.shape[1]
    squares = (input * input).reshape(input.shape[0], 1, channels, -1)
    squares = pad(squares, (0, 0, size // 2, (size - 1) // 2))
    means = op.avg_pool2d(squares, (size, 1), 1).reshape(input.shape)
    return input / (means * alpha + k) ** beta


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """The input divided by its p-norm along `dim`, or by `eps` where that is smaller.

    Input and result (*): any shape. Raises IndexError for a dim that is not there.

    >>> import facula as torch
    >>> torch.nn.functional.normalize(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return input / length if out is None else op.div(input, length, out=out)


# --- looking up --------------------------------------------------------------------------------


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Row `i` of `weight` for every integer `i` of the input.

    Input (*), int64 or int32; weight (V, E); result (*, E). Row `padding_idx` gets no gradient;
    rows longer than `max_norm` (in the `norm_type` norm) are shortened in place when looked up;
    `scale_grad_by_freq` divides gradients by how often a row occurs. Raises IndexError for an index
    outside [0, V), AssertionError for such a padding_idx, RuntimeError for indices that are no
    integers.

    >>> import facula as torch
    >>> rows = torch.tensor([[0.0, 1.0], [10.0, 11.0], [20.0, 21.0]])
    >>> torch.nn.functional.embedding(torch.tensor([2, 0]), rows)
    tensor([[20., 21.],
            [ 0.,  1.]])
    """
    if padding_idx is None:
        padding_idx = -1
    else:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    return op.embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or largest elements of bags of rows of `weight`.

    The input is (B, L): a bag a row, or (L) with the `offsets` (B) at which bags begin (with
    `include_last_offset` also where the last one ends); weight (V, E); result (B, E).
    `per_sample_weights`, of the input's shape, scale rows for the sum. Indices equal to
    `padding_idx` do not count. Raises ValueError for shapes or a mode that do not fit,
    NotImplementedError for weights with another mode than 'sum', RuntimeError for an index outside
    [0, V).

    >>> import facula as torch
    >>> rows = torch.arange(6.0).reshape(3, 2)
    >>> torch.nn.functional.embedding_bag(torch.tensor([[0, 1], [1, 2]]), rows, mode="sum")
    tensor([[2., 4.],
            [6., 8.]])
    """
    if weight.dtype is int64 and input.is_floating_point():
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage "
            "`embedding_bag(weight, input, ...)` is deprecated, and should now be "
            "`embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then "
            f"it must have the same shape as the input ({input.shape})"
        )
    if weight.dim() != 2:
        raise ValueError(
            f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}"
        )
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                "of fixed length sequences. However, found offsets of type "
                f"{type(offsets)}"
            )
        bags, length = input.shape
        offsets = op.arange(bags, dtype=input.dtype) * length
        include_last_offset = False
        input = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
    elif input.dim() != 1:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}"
        )
    elif offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    elif offsets.dim() != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}'). Please open a feature request on GitHub."
        )
    made: tuple[Tensor, ...] = op.embedding_bag(
        weight,
        input,
        offsets,
        scale_grad_by_freq,
        ("sum", "mean", "max").index(mode),
        sparse,
        per_sample_weights,
        include_last_offset,
        padding_idx,
    )
    return made[0]


def _shorten_rows(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are looked up and longer than `max_norm`, in place."""
    with no_grad():
        rows = indices.reshape(-1)
        chosen = weight.index_select(0, rows)
        lengths = chosen.norm(norm_type, 1, keepdim=True)
        factor = op.where(lengths > max_norm, max_norm / (lengths + 1e-7), 1.0)
        # A row that is looked up twice is written twice, with the same numbers.
        weight[rows] = chosen * factor


# --- padding -----------------------------------------------------------------------------------


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """The input made larger: `pad` holds (before, after) for each dimension, the last one first.

    `mode` says with what: 'constant' (`value`, or 0), 'reflect' (the inside mirrored, the edge not
    repeated), 'replicate' (the edge) or 'circular' (the other end). Negative numbers cut off. Input
    (*, n), result (*, before + n + after). Raises RuntimeError for an odd or too long `pad`, one
    that reaches beyond what is mirrored or wrapped, or a `value` with another mode;
    NotImplementedError for an unknown mode.

    >>> import facula as torch
    >>> torch.nn.functional.pad(torch.tensor([[1.0, 2.0, 3.0]]), (2, 1))
    tensor([[0., 0., 1., 2., 3., 0.]])
    >>> torch.nn.functional.pad(torch.tensor([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    tensor([[3., 2., 1., 2., 3., 2.]])
    """
    if not (isinstance(input, Tensor) and isinstance(pad, (tuple, list)) and isinstance(mode, str)):
        _refuse_padding(input, pad, mode)
    if len(pad) % 2 != 0:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) // 2 > input.dim():
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {input.dim()}"
        )
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if mode != "constant" and value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode == "constant":
        made: Tensor = op.constant_pad_nd(input, pad, 0.0 if value is None else value)
        return made
    result = input
    for place in range(len(pad) // 2):
        before, after = pad[2 * place], pad[2 * place + 1]
        if before or after:
            dim = input.dim() - 1 - place
            if mode == "circular" and min(before, after) < 0:
                # What is cut off is not there to wrap around to.
                size, start = result.shape[dim], max(0, -before)
                result = result.narrow(dim, start, size - start - max(0, -after))
                before, after = max(0, before), max(0, after)
            result = result.index_select(dim, _source(mode, result, dim, before, after))
    return result


def _refuse_padding(input: object, pad: object, mode: object) -> None:
    """PyTorch's TypeError for the first argument of `pad` of a wrong class."""
    if not isinstance(input, Tensor):
        place, name, wanted, given = 1, "input", "Tensor", input
    elif not isinstance(pad, (tuple, list)):
        place, name, wanted, given = 2, "pad", "tuple of ints", pad
    else:
        place, name, wanted, given = 3, "mode", "str", mode
    raise TypeError(
        f"pad(): argument '{name}' (position {place}) must be {wanted}, not {type(given).__name__}"
    )


def _source(mode: str, input: Tensor, dim: int, before: int, after: int) -> Tensor:
    """For each index of the padded dimension, the index of the input that it repeats."""
    size = input.shape[dim]
    if mode == "reflect" and max(before, after) >= size:
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but "
            f"got: padding ({before}, {after}) at dimension {dim} of input {list(input.shape)}"
        )
    if mode == "circular" and max(before, after) > size:
        raise RuntimeError("Padding value causes wrapping around more than once.")
    places = op.arange(-before, size + after)
    if mode == "circular":
        return places % size
    if mode == "replicate":
        return places.clamp(0, size - 1)
    return (size - 1) - (places.abs() - (size - 1)).abs()


# --- losses ------------------------------------------------------------------------------------


def _warn_sizes(input: Tensor, target: Tensor) -> None:
    if target.form is not input.form and target.shape != input.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )


def _weighted(loss: Tensor, weight: Tensor, reduction: str, over: Tensor | None) -> Tensor:
    """A weighted loss; its mean is over the sum of `over`, if given, instead of the count."""
    if weight.shape != loss.shape:
        raise ValueError("Weights and input must have the same size.")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'."
        )
    weighted = loss * weight
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return weighted.sum()
    return weighted.mean() if over is None else weighted.sum() / over.sum()


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, reduced: 'mean' (default), 'sum' or 'none'.

    Input and target (*), the result () or (*) for 'none'. `weight` (*) scales elements; the mean is
    then divided by the sum of the weights. Raises ValueError for an unknown reduction or a weight
    of another shape; a UserWarning comes where shapes differ.

    >>> import facula as torch
    >>> torch.nn.functional.l1_loss(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(2.)
    """
    _warn_sizes(input, target)
    reduction = chosen_reduction(size_average, reduce, reduction)
    if weight is None:
        return op.l1_loss(input, target, reduction)
    return _weighted(op.l1_loss(input, target, "none"), weight, reduction, over=weight)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)^2, reduced: 'mean' (default), 'sum' or 'none'.

    Input and target (*), the result () or (*) for 'none', in the unit of the input squared.
    `weight` (*) scales elements; the mean is then divided by the sum of the weights. Raises
    ValueError for an unknown reduction or a weight of another shape; a UserWarning comes where
    shapes differ.

    >>> import facula as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(5.)
    """
    _warn_sizes(input, target)
    reduction = chosen_reduction(size_average, reduce, reduction)
    if weight is None:
        return op.mse_loss(input, target, reduction)
    return _weighted(op.mse_loss(input, target, "none"), weight, reduction, over=weight)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """error^2 / (2 beta) where |error| < beta, |error| - beta / 2 above, reduced.

    Input and target (*), the result () or (*) for reduction 'none'. With beta 0 it is `l1_loss`.
    Raises RuntimeError for a negative beta, ValueError for an unknown reduction. Girshick, arXiv
    1504.08083.

    >>> import facula as torch
    >>> torch.nn.functional.smooth_l1_loss(
    ...     torch.tensor([0.5, 3.0]), torch.zeros(2), reduction="none"
    ... )
    tensor([0.1250, 2.5000])
    """
    _warn_sizes(input, target)
    reduction = chosen_reduction(size_average, reduce, reduction)
    return op.smooth_l1_loss(input, target, reduction, beta)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """error^2 / 2 where |error| <= delta, delta * (|error| - delta / 2) above, reduced.

    Input and target (*), the result () or (*) for reduction 'none'; delta times `smooth_l1_loss` of
    beta delta. `weight` (*) scales elements, and the mean is over their count. Raises RuntimeError
    unless delta > 0, ValueError for an unknown reduction. Huber, Robust estimation of a location
    parameter (1964).

    >>> import facula as torch
    >>> torch.nn.functional.huber_loss(torch.tensor([0.5, 3.0]), torch.zeros(2), "none", delta=2.0)
    tensor([0.1250, 4.0000])
    """
    _warn_sizes(input, target)
    if weight is None:
        return op.huber_loss(input, target, reduction, delta)
    return _weighted(op.huber_loss(input, target, "none", delta), weight, reduction, over=None)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability (the input, in nats) of the right class (the target), reduced.

    Input (N, C), (C) or (N, C, *); target (N), () or (N, *) of class numbers, int64; weight (C).
    'mean' divides by the sum of the weights of the targets. Targets equal to `ignore_index` count
    as nothing. Raises IndexError for a class outside [0, C), ValueError for batches of different
    sizes, RuntimeError for other shapes or dtypes that do not fit.

    >>> import facula as torch
    >>> logs = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log()
    >>> torch.nn.functional.nll_loss(logs, torch.tensor([1, 0]))
    tensor(0.4904)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    return op.nll_loss(input, target, weight, reduction, ignore_index)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(input)[target]) in nats: the loss of scores for classes, reduced.

    Input (N, C), (C) or (N, C, *): scores of any sign. Target (N), () or (N, *) of class numbers,
    int64, or of the input's shape and dtype: a distribution over the classes. weight (C) scales
    classes; 'mean' divides by the sum of the weights of the targets. `label_smoothing` in [0, 1]
    gives every class that share of a uniform distribution. Targets equal to `ignore_index` count as
    nothing. Raises IndexError for a class outside [0, C), RuntimeError or ValueError for shapes
    that do not fit.

    >>> import facula as torch
    >>> torch.nn.functional.cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor(0.6931)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    return op.cross_entropy(input, target, weight, reduction, ignore_index, label_smoothing)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target * log(input) + (1 - target) * log(1 - input)) in nats, reduced.

    Input (*): probabilities of the second class, in [0, 1]; target (*) too. Logarithms are kept
    above -100. `weight` broadcasts to them. Raises ValueError for shapes that differ, RuntimeError
    for an input outside [0, 1]. For scores see `binary_cross_entropy_with_logits`.

    >>> import facula as torch
    >>> torch.nn.functional.binary_cross_entropy(torch.tensor([0.5, 0.8]), torch.tensor([0.0, 1.0]))
    tensor(0.4581)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    return op.binary_cross_entropy(input, target, weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """`binary_cross_entropy` of sigmoid(input), in nats, computed without overflow, reduced.

    Input (*): scores of any sign; target (*): probabilities. `weight` broadcasts to them;
    `pos_weight` scales the loss of target 1, often one number a class. Raises ValueError for shapes
    that differ.

    >>> import facula as torch
    >>> torch.nn.functional.binary_cross_entropy_with_logits(
    ...     torch.tensor([0.0, 200.0]), torch.tensor([1.0, 1.0]), reduction="none"
    ... )
    tensor([0.6931, 0.0000])
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    return op.binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log(target) - input), the Kullback-Leibler divergence in nats, reduced.

    Input (*): log-probabilities; target (*): probabilities, or their logarithms with `log_target`.
    'batchmean' divides the sum by the size of the first dimension, as the mathematical definition
    asks for; 'mean' divides by the number of elements, and a UserWarning says so. Raises ValueError
    for an unknown reduction.

    >>> import facula as torch
    >>> logs = torch.tensor([[0.5, 0.5]]).log()
    >>> torch.nn.functional.kl_div(logs, torch.tensor([[0.25, 0.75]]), reduction="batchmean")
    tensor(0.1308)
    """
    if size_average is not None or reduce is not None:
        reduction = chosen_reduction(size_average, reduce, reduction)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next major "
            "release.",
            stacklevel=2,
        )
    if reduction == "batchmean":
        total = op.kl_div(input, target, "sum", log_target=log_target)
        return total / input.shape[0] if input.dim() else total
    return op.kl_div(input, target, reduction, log_target=log_target)
