"""facula: deep learning in pure Python with PyTorch's API.

`import facula as torch` runs the programs people learn and do deep learning with. This file holds
names only and is written by `tools/facade.py`; functions are made, and subpackages loaded, when
first used.
"""

import importlib
from typing import Any

from facula import autograd
from facula.autograd.mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from facula.backend.control import (
    empty_cache,
    get_num_threads,
    memory_stats,
    set_num_threads,
)
from facula.format import set_printoptions
from facula.generator import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from facula.launch.contraction import (
    get_float32_matmul_precision,
    set_float32_matmul_precision,
)
from facula.meta.device import device
from facula.meta.dtype import (
    bfloat16,
    can_cast,
    complex32,
    complex64,
    complex128,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from facula.meta.dtype import bool_ as bool
from facula.meta.layout import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from facula.meta.shape import Size
from facula.meta.shape import public_broadcast_shapes as broadcast_shapes
from facula.op import registry as _records
from facula.ops.query import (
    is_complex,
    is_conj,
    is_floating_point,
    is_neg,
    is_tensor,
    numel,
    result_type,
)
from facula.tensor import Tensor

__version__ = "0.1.0"

cdouble = complex128
cfloat = complex64
chalf = complex32
double = float64
float = float32
half = float16
int = int32
long = int64
short = int16
inf = 1e400
nan = inf - inf
pi = 3.141592653589793
e = 2.718281828459045

tensor = _records["tensor"].function

__all__ = [
    "Generator", "Size", "Tensor", "_lu_with_info", "abs", "absolute", "acos", "acosh",
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "add", "addbmm", "addcdiv", "addcmul", "addmm",
    "addmv", "addr", "adjoint", "all", "allclose", "alpha_dropout", "amax", "amin", "aminmax",
    "angle", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "argmax", "argmin", "argsort", "argwhere", "as_strided", "as_tensor", "asarray",
    "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "autograd",
    "avg_pool1d", "baddbmm", "batch_norm", "bernoulli", "bfloat16", "bilinear",
    "binary_cross_entropy_with_logits", "bincount", "bitwise_and", "bitwise_left_shift",
    "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "bmm", "bool",
    "broadcast_shapes", "broadcast_tensors", "broadcast_to", "bucketize", "can_cast",
    "cartesian_prod", "cat", "cdist", "cdouble", "ceil", "celu", "cfloat", "chalf",
    "channel_shuffle", "channels_last", "channels_last_3d", "cholesky", "cholesky_inverse",
    "cholesky_solve", "chunk", "clamp", "clamp_max", "clamp_min", "clip", "clone", "column_stack",
    "complex", "complex128", "complex32", "complex64", "concat", "concatenate", "conj",
    "conj_physical", "constant_pad_nd", "contiguous_format", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "copysign", "cos", "cosh",
    "cosine_embedding_loss", "cosine_similarity", "count_nonzero", "ctc_loss", "cummax", "cummin",
    "cumprod", "cumsum", "default_generator", "deg2rad", "det", "device", "diag", "diag_embed",
    "diagflat", "diagonal", "diagonal_scatter", "diff", "digamma", "dist", "div", "divide", "dot",
    "double", "dropout", "dsplit", "dstack", "dtype", "e", "einsum", "embedding", "empty",
    "empty_cache", "empty_like", "enable_grad", "eq", "equal", "erf", "erfc", "erfinv", "exp",
    "exp2", "expm1", "eye", "feature_alpha_dropout", "feature_dropout", "finfo", "fix", "flatten",
    "flip", "fliplr", "flipud", "float", "float16", "float32", "float64", "float_power", "floor",
    "floor_divide", "fmax", "fmin", "fmod", "frac", "from_numpy", "frombuffer", "full", "full_like",
    "gather", "ge", "geqrf", "ger", "get_default_dtype", "get_float32_matmul_precision",
    "get_num_threads", "get_rng_state", "greater", "greater_equal", "group_norm", "gt", "half",
    "hardshrink", "heaviside", "hinge_embedding_loss", "histc", "hsplit", "hstack", "hypot", "i0",
    "igamma", "igammac", "iinfo", "imag", "index_add", "index_copy", "index_fill", "index_put",
    "index_select", "inf", "inference_mode", "initial_seed", "inner", "instance_norm", "int",
    "int16", "int32", "int64", "int8", "inverse", "is_complex", "is_conj", "is_floating_point",
    "is_grad_enabled", "is_inference_mode_enabled", "is_neg", "is_tensor", "isclose", "isfinite",
    "isinf", "isnan", "isneginf", "isposinf", "isreal", "kl_div", "kron", "kthvalue", "layer_norm",
    "layout", "ldexp", "le", "lerp", "less", "less_equal", "lgamma", "linspace", "log", "log10",
    "log1p", "log2", "log_softmax", "logaddexp", "logaddexp2", "logdet", "logical_and",
    "logical_not", "logical_or", "logical_xor", "logit", "logspace", "logsumexp", "long", "lt",
    "lu", "lu_solve", "lu_unpack", "manual_seed", "margin_ranking_loss", "masked_fill",
    "masked_scatter", "masked_select", "matmul", "matrix_power", "max", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "maximum", "mean", "median",
    "memory_format", "memory_stats", "meshgrid", "min", "minimum", "mm", "mode", "moveaxis",
    "movedim", "msort", "mul", "multinomial", "multiply", "mv", "mvlgamma", "nan", "nan_to_num",
    "nanmean", "nanmedian", "nansum", "narrow", "native_batch_norm", "native_dropout",
    "native_group_norm", "native_layer_norm", "ne", "neg", "negative", "no_grad", "nonzero", "norm",
    "normal", "not_equal", "numel", "ones", "ones_like", "orgqr", "ormqr", "outer",
    "pairwise_distance", "pdist", "permute", "pi", "pinverse", "pixel_shuffle", "pixel_unshuffle",
    "poisson_nll_loss", "polar", "polygamma", "positive", "pow", "prelu", "preserve_format", "prod",
    "promote_types", "put", "qr", "quantile", "rad2deg", "rand", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "randperm", "ravel", "real", "reciprocal", "relu",
    "remainder", "repeat_interleave", "reshape", "resolve_conj", "resolve_neg", "result_type",
    "rms_norm", "roll", "rot90", "round", "row_stack", "rrelu", "rsqrt", "rsub", "scatter",
    "scatter_add", "scatter_reduce", "searchsorted", "seed", "select", "select_scatter", "selu",
    "set_default_dtype", "set_float32_matmul_precision", "set_grad_enabled", "set_num_threads",
    "set_printoptions", "set_rng_state", "sgn", "short", "sigmoid", "sign", "signbit", "sin",
    "sinc", "sinh", "slice_scatter", "slogdet", "softmax", "sort", "split", "sqrt", "square",
    "squeeze", "stack", "std", "std_mean", "strided", "sub", "subtract", "sum", "svd", "swapaxes",
    "swapdims", "t", "take", "take_along_dim", "tan", "tanh", "tensor", "tensor_split", "tensordot",
    "tile", "topk", "trace", "transpose", "tril", "tril_indices", "triplet_margin_loss", "triu",
    "triu_indices", "true_divide", "trunc", "uint8", "unbind", "unflatten", "unique",
    "unique_consecutive", "unsqueeze", "var", "var_mean", "vdot", "view_as_complex", "view_as_real",
    "vsplit", "vstack", "where", "xlogy", "zeros", "zeros_like",
]  # fmt: skip

_LATER = {"load": "facula.io.checkpoint", "save": "facula.io.checkpoint"}
_SUBPACKAGES = ("cli", "fft", "io", "linalg", "nn", "optim", "special", "utils", "vision")


def __getattr__(name: str) -> Any:
    record = _records.get(name)
    if record is not None and record.namespace == "torch" and not name.endswith("_"):
        function = globals()[name] = record.function
        return function
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"facula.{name}")
    raise AttributeError(f"module 'facula' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LATER, *_SUBPACKAGES})
