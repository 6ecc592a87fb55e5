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
    uint16,
    uint32,
    uint64,
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
from facula.version import __version__ as __version__

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
    "Generator", "Size", "Tensor", "_lu_with_info", "abs", "abs_", "absolute", "acos", "acos_",
    "acosh", "acosh_", "adaptive_avg_pool1d", "adaptive_max_pool1d", "add", "addbmm", "addcdiv",
    "addcmul", "addmm", "addmv", "addmv_", "addr", "adjoint", "affine_grid_generator", "alias_copy",
    "all", "allclose", "alpha_dropout", "alpha_dropout_", "amax", "amin", "aminmax", "angle", "any",
    "arange", "arccos", "arccos_", "arccosh", "arccosh_", "arcsin", "arcsin_", "arcsinh",
    "arcsinh_", "arctan", "arctan2", "arctan_", "arctanh", "arctanh_", "argmax", "argmin",
    "argsort", "argwhere", "as_strided", "as_strided_", "as_strided_copy", "as_strided_scatter",
    "as_tensor", "asarray", "asin", "asin_", "asinh", "asinh_", "atan", "atan2", "atan_", "atanh",
    "atanh_", "atleast_1d", "atleast_2d", "atleast_3d", "autograd", "avg_pool1d", "baddbmm",
    "bartlett_window", "batch_norm", "bernoulli", "bfloat16", "bilinear",
    "binary_cross_entropy_with_logits", "bincount", "binomial", "bitwise_and", "bitwise_left_shift",
    "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "blackman_window",
    "block_diag", "bmm", "bool", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "bucketize", "can_cast", "cartesian_prod", "cat", "cdist", "cdouble", "ceil", "ceil_", "celu",
    "celu_", "cfloat", "chain_matmul", "chalf", "channel_shuffle", "channels_last",
    "channels_last_3d", "cholesky", "cholesky_inverse", "cholesky_solve", "chunk", "clamp",
    "clamp_", "clamp_max", "clamp_max_", "clamp_min", "clamp_min_", "clip", "clip_", "clone",
    "column_stack", "combinations", "complex", "complex128", "complex32", "complex64", "concat",
    "concatenate", "conj", "conj_physical", "conj_physical_", "constant_pad_nd",
    "contiguous_format", "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "copysign", "corrcoef", "cos", "cos_", "cosh", "cosh_",
    "cosine_embedding_loss", "cosine_similarity", "count_nonzero", "cov", "cross", "ctc_loss",
    "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "default_generator", "deg2rad",
    "deg2rad_", "det", "detach_copy", "device", "diag", "diag_embed", "diagflat", "diagonal",
    "diagonal_copy", "diagonal_scatter", "diff", "digamma", "dist", "div", "divide", "dot",
    "double", "dropout", "dropout_", "dsplit", "dstack", "dtype", "e", "einsum", "embedding",
    "embedding_bag", "empty", "empty_cache", "empty_like", "empty_permuted", "empty_strided",
    "enable_grad", "eq", "equal", "erf", "erf_", "erfc", "erfc_", "erfinv", "exp", "exp2", "exp2_",
    "exp_", "expand_copy", "expm1", "expm1_", "eye", "feature_alpha_dropout",
    "feature_alpha_dropout_", "feature_dropout", "feature_dropout_", "fill", "fill_", "finfo",
    "fix", "fix_", "flatten", "flip", "fliplr", "flipud", "float", "float16", "float32", "float64",
    "float_power", "floor", "floor_", "floor_divide", "fmax", "fmin", "fmod", "frac", "frac_",
    "frexp", "frobenius_norm", "from_dlpack", "from_file", "from_numpy", "frombuffer", "full",
    "full_like", "gather", "gcd", "gcd_", "ge", "geqrf", "ger", "get_default_dtype",
    "get_float32_matmul_precision", "get_num_threads", "get_rng_state", "gradient", "greater",
    "greater_equal", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "group_norm", "gt",
    "half", "hamming_window", "hann_window", "hardshrink", "hash_tensor", "heaviside",
    "hinge_embedding_loss", "histc", "histogram", "histogramdd", "hsplit", "hstack", "hypot", "i0",
    "i0_", "igamma", "igammac", "iinfo", "imag", "index_add", "index_copy", "index_fill",
    "index_put", "index_put_", "index_reduce", "index_select", "inf", "inference_mode",
    "initial_seed", "inner", "instance_norm", "int", "int16", "int32", "int64", "int8", "inverse",
    "is_complex", "is_conj", "is_floating_point", "is_grad_enabled", "is_inference_mode_enabled",
    "is_neg", "is_tensor", "isclose", "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf",
    "isreal", "istft", "kaiser_window", "kl_div", "kron", "kthvalue", "layer_norm", "layout", "lcm",
    "lcm_", "ldexp", "ldexp_", "le", "lerp", "less", "less_equal", "lgamma", "linspace", "log",
    "log10", "log10_", "log1p", "log1p_", "log2", "log2_", "log_", "log_softmax", "logaddexp",
    "logaddexp2", "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logit", "logit_", "logspace", "logsumexp", "long", "lt", "lu", "lu_solve",
    "lu_unpack", "manual_seed", "margin_ranking_loss", "masked_fill", "masked_scatter",
    "masked_select", "matmul", "matrix_exp", "matrix_power", "max", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "maximum", "mean", "median",
    "memory_format", "memory_stats", "meshgrid", "min", "minimum", "mm", "mode", "moveaxis",
    "movedim", "msort", "mul", "multinomial", "multiply", "mv", "mvlgamma", "nan", "nan_to_num",
    "nan_to_num_", "nanmean", "nanmedian", "nanquantile", "nansum", "narrow", "narrow_copy",
    "native_batch_norm", "native_channel_shuffle", "native_dropout", "native_group_norm",
    "native_layer_norm", "ne", "neg", "neg_", "negative", "negative_", "nextafter", "no_grad",
    "nonzero", "nonzero_static", "norm", "normal", "not_equal", "nuclear_norm", "numel", "ones",
    "ones_like", "orgqr", "ormqr", "outer", "pairwise_distance", "pca_lowrank", "pdist", "permute",
    "permute_copy", "pi", "pinverse", "pixel_shuffle", "pixel_unshuffle", "poisson",
    "poisson_nll_loss", "polar", "polygamma", "positive", "pow", "prelu", "preserve_format", "prod",
    "promote_types", "put", "qr", "quantile", "rad2deg", "rad2deg_", "rand", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "randperm", "range", "ravel", "real", "reciprocal",
    "reciprocal_", "relu", "relu_", "remainder", "renorm", "repeat_interleave", "reshape",
    "resize_as_", "resolve_conj", "resolve_neg", "result_type", "rms_norm", "roll", "rot90",
    "round", "round_", "row_stack", "rrelu", "rrelu_", "rsqrt", "rsqrt_", "rsub", "scalar_tensor",
    "scatter", "scatter_add", "scatter_reduce", "searchsorted", "seed", "segment_reduce", "select",
    "select_copy", "select_scatter", "selu", "selu_", "set_default_dtype",
    "set_float32_matmul_precision", "set_grad_enabled", "set_num_threads", "set_printoptions",
    "set_rng_state", "sgn", "short", "sigmoid", "sigmoid_", "sign", "signbit", "sin", "sin_",
    "sinc", "sinc_", "sinh", "sinh_", "slice_copy", "slice_scatter", "slogdet", "softmax", "sort",
    "split", "split_copy", "split_with_sizes", "split_with_sizes_copy", "sqrt", "sqrt_", "square",
    "square_", "squeeze", "squeeze_copy", "stack", "std", "std_mean", "stft", "strided", "sub",
    "subtract", "sum", "svd", "svd_lowrank", "swapaxes", "swapdims", "t", "t_copy", "take",
    "take_along_dim", "tan", "tan_", "tanh", "tanh_", "tensor", "tensor_split", "tensordot",
    "threshold_", "tile", "to_dlpack", "topk", "trace", "transpose", "transpose_copy", "trapezoid",
    "trapz", "triangular_solve", "tril", "tril_indices", "triplet_margin_loss", "triu",
    "triu_indices", "true_divide", "trunc", "trunc_", "uint16", "uint32", "uint64", "uint8",
    "unbind", "unbind_copy", "unflatten", "unfold_copy", "unique", "unique_consecutive",
    "unravel_index", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "unsqueeze",
    "unsqueeze_copy", "vander", "var", "var_mean", "vdot", "view_as_complex",
    "view_as_complex_copy", "view_as_real", "view_as_real_copy", "view_copy", "vsplit", "vstack",
    "where", "xlogy", "xlogy_", "zero_", "zeros", "zeros_like",
]  # fmt: skip

_LATER = {
    name: module
    for module, names in (
        ("facula.asking",
         "detach detach_ get_device is_distributed is_inference is_nonzero is_same_size "
         "is_signed"),
        ("facula.io.checkpoint",
         "load save"),
        ("facula.meta.other",
         "bit bits16 bits1x8 bits2x4 bits4x2 bits8 float4_e2m1fn_x2 float8_e4m3fn "
         "float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu has_cuda has_lapack "
         "has_mkl has_mkldnn has_mps has_openmp has_spectral int1 int2 int3 int4 int5 int6 "
         "int7 jagged legacy_contiguous_format newaxis per_channel_affine "
         "per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine "
         "per_tensor_symmetric qint32 qint8 qscheme quint2x4 quint4x2 quint8 sparse_bsc "
         "sparse_bsr sparse_coo sparse_csc sparse_csr uint1 uint2 uint3 uint4 uint5 uint6 "
         "uint7"),
        ("facula.old",
         "BFloat16Storage BFloat16Tensor BoolStorage BoolTensor ByteStorage ByteTensor "
         "CharStorage CharTensor ComplexDoubleStorage ComplexFloatStorage DoubleStorage "
         "DoubleTensor FloatStorage FloatTensor HalfStorage HalfTensor IntStorage IntTensor "
         "LongStorage LongTensor ShortStorage ShortTensor Storage TypedStorage UntypedStorage "
         "set_default_tensor_type"),
        ("facula.settings",
         "are_deterministic_algorithms_enabled compiled_with_cxx11_abi get_default_device "
         "get_deterministic_debug_mode get_device_module get_num_interop_threads "
         "is_deterministic_algorithms_warn_only_enabled is_storage is_vulkan_available "
         "is_warn_always_enabled set_default_device set_deterministic_debug_mode "
         "set_flush_denormal set_num_interop_threads set_warn_always typename "
         "use_deterministic_algorithms"),
        ("facula.symbolic",
         "cond sym_float sym_int sym_ite sym_max sym_min sym_not sym_sqrt sym_sum while_loop"),
    )
    for name in names.split()
}  # fmt: skip
_SUBPACKAGES = (
    "accelerator", "backends", "cli", "cpu", "cuda", "fft", "io", "linalg", "masked", "mps", "mtia",
    "nn", "optim", "random", "signal", "special", "storage", "testing", "utils", "version",
    "vision", "xpu",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    record = _records.get(name)
    if record is not None and record.namespace == "torch" and not name.endswith("_"):
        function = globals()[name] = record.function
        return function
    if record is None and name.endswith("_"):
        record = _records.get(name[:-1])
    if record is not None and record.in_torch:
        written = globals()[name] = (
            record.function if record.name == name else record.inplace_function
        )
        return written
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"facula.{name}")
    raise AttributeError(f"module 'facula' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LATER, *_SUBPACKAGES})
