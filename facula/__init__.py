"""facula: deep learning in pure Python with PyTorch's API.

`import facula as torch` runs the programs people learn and do deep learning with. This file holds
names only and is written by `tools/facade.py`; the subpackages load when first used.
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
from facula.ops import FUNCTIONS as _FUNCTIONS
from facula.ops.query import (
    is_floating_point,
    is_tensor,
    numel,
    result_type,
)
from facula.tensor import Tensor

__version__ = "0.1.0"

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

abs = _FUNCTIONS["abs"]
absolute = _FUNCTIONS["absolute"]
acos = _FUNCTIONS["acos"]
acosh = _FUNCTIONS["acosh"]
adaptive_avg_pool1d = _FUNCTIONS["adaptive_avg_pool1d"]
adaptive_max_pool1d = _FUNCTIONS["adaptive_max_pool1d"]
add = _FUNCTIONS["add"]
addbmm = _FUNCTIONS["addbmm"]
addcdiv = _FUNCTIONS["addcdiv"]
addcmul = _FUNCTIONS["addcmul"]
addmm = _FUNCTIONS["addmm"]
addmv = _FUNCTIONS["addmv"]
addr = _FUNCTIONS["addr"]
all = _FUNCTIONS["all"]
allclose = _FUNCTIONS["allclose"]
amax = _FUNCTIONS["amax"]
amin = _FUNCTIONS["amin"]
aminmax = _FUNCTIONS["aminmax"]
any = _FUNCTIONS["any"]
arange = _FUNCTIONS["arange"]
arccos = _FUNCTIONS["arccos"]
arccosh = _FUNCTIONS["arccosh"]
arcsin = _FUNCTIONS["arcsin"]
arcsinh = _FUNCTIONS["arcsinh"]
arctan = _FUNCTIONS["arctan"]
arctan2 = _FUNCTIONS["arctan2"]
arctanh = _FUNCTIONS["arctanh"]
argmax = _FUNCTIONS["argmax"]
argmin = _FUNCTIONS["argmin"]
argsort = _FUNCTIONS["argsort"]
argwhere = _FUNCTIONS["argwhere"]
as_strided = _FUNCTIONS["as_strided"]
as_tensor = _FUNCTIONS["as_tensor"]
asarray = _FUNCTIONS["asarray"]
asin = _FUNCTIONS["asin"]
asinh = _FUNCTIONS["asinh"]
atan = _FUNCTIONS["atan"]
atan2 = _FUNCTIONS["atan2"]
atanh = _FUNCTIONS["atanh"]
atleast_1d = _FUNCTIONS["atleast_1d"]
atleast_2d = _FUNCTIONS["atleast_2d"]
atleast_3d = _FUNCTIONS["atleast_3d"]
avg_pool1d = _FUNCTIONS["avg_pool1d"]
baddbmm = _FUNCTIONS["baddbmm"]
batch_norm = _FUNCTIONS["batch_norm"]
bernoulli = _FUNCTIONS["bernoulli"]
binary_cross_entropy_with_logits = _FUNCTIONS["binary_cross_entropy_with_logits"]
bincount = _FUNCTIONS["bincount"]
bitwise_and = _FUNCTIONS["bitwise_and"]
bitwise_left_shift = _FUNCTIONS["bitwise_left_shift"]
bitwise_not = _FUNCTIONS["bitwise_not"]
bitwise_or = _FUNCTIONS["bitwise_or"]
bitwise_right_shift = _FUNCTIONS["bitwise_right_shift"]
bitwise_xor = _FUNCTIONS["bitwise_xor"]
bmm = _FUNCTIONS["bmm"]
broadcast_tensors = _FUNCTIONS["broadcast_tensors"]
broadcast_to = _FUNCTIONS["broadcast_to"]
bucketize = _FUNCTIONS["bucketize"]
cartesian_prod = _FUNCTIONS["cartesian_prod"]
cat = _FUNCTIONS["cat"]
cdist = _FUNCTIONS["cdist"]
ceil = _FUNCTIONS["ceil"]
celu = _FUNCTIONS["celu"]
channel_shuffle = _FUNCTIONS["channel_shuffle"]
chunk = _FUNCTIONS["chunk"]
clamp = _FUNCTIONS["clamp"]
clamp_max = _FUNCTIONS["clamp_max"]
clamp_min = _FUNCTIONS["clamp_min"]
clip = _FUNCTIONS["clip"]
clone = _FUNCTIONS["clone"]
column_stack = _FUNCTIONS["column_stack"]
concat = _FUNCTIONS["concat"]
concatenate = _FUNCTIONS["concatenate"]
conv1d = _FUNCTIONS["conv1d"]
conv2d = _FUNCTIONS["conv2d"]
conv3d = _FUNCTIONS["conv3d"]
conv_transpose1d = _FUNCTIONS["conv_transpose1d"]
conv_transpose2d = _FUNCTIONS["conv_transpose2d"]
conv_transpose3d = _FUNCTIONS["conv_transpose3d"]
copysign = _FUNCTIONS["copysign"]
cos = _FUNCTIONS["cos"]
cosh = _FUNCTIONS["cosh"]
count_nonzero = _FUNCTIONS["count_nonzero"]
cummax = _FUNCTIONS["cummax"]
cummin = _FUNCTIONS["cummin"]
cumprod = _FUNCTIONS["cumprod"]
cumsum = _FUNCTIONS["cumsum"]
deg2rad = _FUNCTIONS["deg2rad"]
diag = _FUNCTIONS["diag"]
diag_embed = _FUNCTIONS["diag_embed"]
diagflat = _FUNCTIONS["diagflat"]
diagonal = _FUNCTIONS["diagonal"]
diagonal_scatter = _FUNCTIONS["diagonal_scatter"]
diff = _FUNCTIONS["diff"]
digamma = _FUNCTIONS["digamma"]
dist = _FUNCTIONS["dist"]
div = _FUNCTIONS["div"]
divide = _FUNCTIONS["divide"]
dot = _FUNCTIONS["dot"]
dropout = _FUNCTIONS["dropout"]
dsplit = _FUNCTIONS["dsplit"]
dstack = _FUNCTIONS["dstack"]
einsum = _FUNCTIONS["einsum"]
embedding = _FUNCTIONS["embedding"]
empty = _FUNCTIONS["empty"]
empty_like = _FUNCTIONS["empty_like"]
eq = _FUNCTIONS["eq"]
equal = _FUNCTIONS["equal"]
erf = _FUNCTIONS["erf"]
erfc = _FUNCTIONS["erfc"]
erfinv = _FUNCTIONS["erfinv"]
exp = _FUNCTIONS["exp"]
exp2 = _FUNCTIONS["exp2"]
expm1 = _FUNCTIONS["expm1"]
eye = _FUNCTIONS["eye"]
fix = _FUNCTIONS["fix"]
flatten = _FUNCTIONS["flatten"]
flip = _FUNCTIONS["flip"]
fliplr = _FUNCTIONS["fliplr"]
flipud = _FUNCTIONS["flipud"]
float_power = _FUNCTIONS["float_power"]
floor = _FUNCTIONS["floor"]
floor_divide = _FUNCTIONS["floor_divide"]
fmax = _FUNCTIONS["fmax"]
fmin = _FUNCTIONS["fmin"]
fmod = _FUNCTIONS["fmod"]
frac = _FUNCTIONS["frac"]
from_numpy = _FUNCTIONS["from_numpy"]
frombuffer = _FUNCTIONS["frombuffer"]
full = _FUNCTIONS["full"]
full_like = _FUNCTIONS["full_like"]
gather = _FUNCTIONS["gather"]
ge = _FUNCTIONS["ge"]
ger = _FUNCTIONS["ger"]
greater = _FUNCTIONS["greater"]
greater_equal = _FUNCTIONS["greater_equal"]
group_norm = _FUNCTIONS["group_norm"]
gt = _FUNCTIONS["gt"]
hardshrink = _FUNCTIONS["hardshrink"]
heaviside = _FUNCTIONS["heaviside"]
histc = _FUNCTIONS["histc"]
hsplit = _FUNCTIONS["hsplit"]
hstack = _FUNCTIONS["hstack"]
hypot = _FUNCTIONS["hypot"]
index_add = _FUNCTIONS["index_add"]
index_copy = _FUNCTIONS["index_copy"]
index_fill = _FUNCTIONS["index_fill"]
index_put = _FUNCTIONS["index_put"]
index_select = _FUNCTIONS["index_select"]
inner = _FUNCTIONS["inner"]
instance_norm = _FUNCTIONS["instance_norm"]
isclose = _FUNCTIONS["isclose"]
isfinite = _FUNCTIONS["isfinite"]
isinf = _FUNCTIONS["isinf"]
isnan = _FUNCTIONS["isnan"]
isneginf = _FUNCTIONS["isneginf"]
isposinf = _FUNCTIONS["isposinf"]
isreal = _FUNCTIONS["isreal"]
kl_div = _FUNCTIONS["kl_div"]
kron = _FUNCTIONS["kron"]
kthvalue = _FUNCTIONS["kthvalue"]
layer_norm = _FUNCTIONS["layer_norm"]
ldexp = _FUNCTIONS["ldexp"]
le = _FUNCTIONS["le"]
lerp = _FUNCTIONS["lerp"]
less = _FUNCTIONS["less"]
less_equal = _FUNCTIONS["less_equal"]
lgamma = _FUNCTIONS["lgamma"]
linspace = _FUNCTIONS["linspace"]
log = _FUNCTIONS["log"]
log10 = _FUNCTIONS["log10"]
log1p = _FUNCTIONS["log1p"]
log2 = _FUNCTIONS["log2"]
log_softmax = _FUNCTIONS["log_softmax"]
logaddexp = _FUNCTIONS["logaddexp"]
logaddexp2 = _FUNCTIONS["logaddexp2"]
logical_and = _FUNCTIONS["logical_and"]
logical_not = _FUNCTIONS["logical_not"]
logical_or = _FUNCTIONS["logical_or"]
logical_xor = _FUNCTIONS["logical_xor"]
logit = _FUNCTIONS["logit"]
logspace = _FUNCTIONS["logspace"]
logsumexp = _FUNCTIONS["logsumexp"]
lt = _FUNCTIONS["lt"]
masked_fill = _FUNCTIONS["masked_fill"]
masked_scatter = _FUNCTIONS["masked_scatter"]
masked_select = _FUNCTIONS["masked_select"]
matmul = _FUNCTIONS["matmul"]
matrix_power = _FUNCTIONS["matrix_power"]
max = _FUNCTIONS["max"]
max_pool1d = _FUNCTIONS["max_pool1d"]
max_pool1d_with_indices = _FUNCTIONS["max_pool1d_with_indices"]
max_pool2d = _FUNCTIONS["max_pool2d"]
max_pool3d = _FUNCTIONS["max_pool3d"]
maximum = _FUNCTIONS["maximum"]
mean = _FUNCTIONS["mean"]
median = _FUNCTIONS["median"]
meshgrid = _FUNCTIONS["meshgrid"]
min = _FUNCTIONS["min"]
minimum = _FUNCTIONS["minimum"]
mm = _FUNCTIONS["mm"]
mode = _FUNCTIONS["mode"]
moveaxis = _FUNCTIONS["moveaxis"]
movedim = _FUNCTIONS["movedim"]
msort = _FUNCTIONS["msort"]
mul = _FUNCTIONS["mul"]
multinomial = _FUNCTIONS["multinomial"]
multiply = _FUNCTIONS["multiply"]
mv = _FUNCTIONS["mv"]
nan_to_num = _FUNCTIONS["nan_to_num"]
nanmean = _FUNCTIONS["nanmean"]
nanmedian = _FUNCTIONS["nanmedian"]
nansum = _FUNCTIONS["nansum"]
narrow = _FUNCTIONS["narrow"]
ne = _FUNCTIONS["ne"]
neg = _FUNCTIONS["neg"]
negative = _FUNCTIONS["negative"]
nonzero = _FUNCTIONS["nonzero"]
norm = _FUNCTIONS["norm"]
normal = _FUNCTIONS["normal"]
not_equal = _FUNCTIONS["not_equal"]
ones = _FUNCTIONS["ones"]
ones_like = _FUNCTIONS["ones_like"]
outer = _FUNCTIONS["outer"]
permute = _FUNCTIONS["permute"]
pixel_shuffle = _FUNCTIONS["pixel_shuffle"]
pixel_unshuffle = _FUNCTIONS["pixel_unshuffle"]
polygamma = _FUNCTIONS["polygamma"]
positive = _FUNCTIONS["positive"]
pow = _FUNCTIONS["pow"]
prelu = _FUNCTIONS["prelu"]
prod = _FUNCTIONS["prod"]
put = _FUNCTIONS["put"]
quantile = _FUNCTIONS["quantile"]
rad2deg = _FUNCTIONS["rad2deg"]
rand = _FUNCTIONS["rand"]
rand_like = _FUNCTIONS["rand_like"]
randint = _FUNCTIONS["randint"]
randint_like = _FUNCTIONS["randint_like"]
randn = _FUNCTIONS["randn"]
randn_like = _FUNCTIONS["randn_like"]
randperm = _FUNCTIONS["randperm"]
ravel = _FUNCTIONS["ravel"]
reciprocal = _FUNCTIONS["reciprocal"]
relu = _FUNCTIONS["relu"]
remainder = _FUNCTIONS["remainder"]
repeat_interleave = _FUNCTIONS["repeat_interleave"]
reshape = _FUNCTIONS["reshape"]
rms_norm = _FUNCTIONS["rms_norm"]
roll = _FUNCTIONS["roll"]
rot90 = _FUNCTIONS["rot90"]
round = _FUNCTIONS["round"]
row_stack = _FUNCTIONS["row_stack"]
rsqrt = _FUNCTIONS["rsqrt"]
rsub = _FUNCTIONS["rsub"]
scatter = _FUNCTIONS["scatter"]
scatter_add = _FUNCTIONS["scatter_add"]
scatter_reduce = _FUNCTIONS["scatter_reduce"]
searchsorted = _FUNCTIONS["searchsorted"]
select = _FUNCTIONS["select"]
select_scatter = _FUNCTIONS["select_scatter"]
selu = _FUNCTIONS["selu"]
sgn = _FUNCTIONS["sgn"]
sigmoid = _FUNCTIONS["sigmoid"]
sign = _FUNCTIONS["sign"]
signbit = _FUNCTIONS["signbit"]
sin = _FUNCTIONS["sin"]
sinc = _FUNCTIONS["sinc"]
sinh = _FUNCTIONS["sinh"]
slice_scatter = _FUNCTIONS["slice_scatter"]
softmax = _FUNCTIONS["softmax"]
sort = _FUNCTIONS["sort"]
split = _FUNCTIONS["split"]
sqrt = _FUNCTIONS["sqrt"]
square = _FUNCTIONS["square"]
squeeze = _FUNCTIONS["squeeze"]
stack = _FUNCTIONS["stack"]
std = _FUNCTIONS["std"]
std_mean = _FUNCTIONS["std_mean"]
sub = _FUNCTIONS["sub"]
subtract = _FUNCTIONS["subtract"]
sum = _FUNCTIONS["sum"]
swapaxes = _FUNCTIONS["swapaxes"]
swapdims = _FUNCTIONS["swapdims"]
t = _FUNCTIONS["t"]
take = _FUNCTIONS["take"]
take_along_dim = _FUNCTIONS["take_along_dim"]
tan = _FUNCTIONS["tan"]
tanh = _FUNCTIONS["tanh"]
tensor = _FUNCTIONS["tensor"]
tensor_split = _FUNCTIONS["tensor_split"]
tensordot = _FUNCTIONS["tensordot"]
tile = _FUNCTIONS["tile"]
topk = _FUNCTIONS["topk"]
trace = _FUNCTIONS["trace"]
transpose = _FUNCTIONS["transpose"]
tril = _FUNCTIONS["tril"]
tril_indices = _FUNCTIONS["tril_indices"]
triu = _FUNCTIONS["triu"]
triu_indices = _FUNCTIONS["triu_indices"]
true_divide = _FUNCTIONS["true_divide"]
trunc = _FUNCTIONS["trunc"]
unbind = _FUNCTIONS["unbind"]
unflatten = _FUNCTIONS["unflatten"]
unique = _FUNCTIONS["unique"]
unique_consecutive = _FUNCTIONS["unique_consecutive"]
unsqueeze = _FUNCTIONS["unsqueeze"]
var = _FUNCTIONS["var"]
var_mean = _FUNCTIONS["var_mean"]
vdot = _FUNCTIONS["vdot"]
vsplit = _FUNCTIONS["vsplit"]
vstack = _FUNCTIONS["vstack"]
where = _FUNCTIONS["where"]
xlogy = _FUNCTIONS["xlogy"]
zeros = _FUNCTIONS["zeros"]
zeros_like = _FUNCTIONS["zeros_like"]

__all__ = [
    "Generator", "Size", "Tensor", "abs", "absolute", "acos", "acosh", "adaptive_avg_pool1d",
    "adaptive_max_pool1d", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr", "all",
    "allclose", "amax", "amin", "aminmax", "any", "arange", "arccos", "arccosh", "arcsin",
    "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere",
    "as_strided", "as_tensor", "asarray", "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d",
    "atleast_2d", "atleast_3d", "autograd", "avg_pool1d", "baddbmm", "batch_norm", "bernoulli",
    "bfloat16", "binary_cross_entropy_with_logits", "bincount", "bitwise_and", "bitwise_left_shift",
    "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "bmm", "bool",
    "broadcast_shapes", "broadcast_tensors", "broadcast_to", "bucketize", "can_cast",
    "cartesian_prod", "cat", "cdist", "ceil", "celu", "channel_shuffle", "channels_last",
    "channels_last_3d", "chunk", "clamp", "clamp_max", "clamp_min", "clip", "clone", "column_stack",
    "concat", "concatenate", "contiguous_format", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "copysign", "cos", "cosh", "count_nonzero", "cummax",
    "cummin", "cumprod", "cumsum", "default_generator", "deg2rad", "device", "diag", "diag_embed",
    "diagflat", "diagonal", "diagonal_scatter", "diff", "digamma", "dist", "div", "divide", "dot",
    "double", "dropout", "dsplit", "dstack", "dtype", "e", "einsum", "embedding", "empty",
    "empty_cache", "empty_like", "enable_grad", "eq", "equal", "erf", "erfc", "erfinv", "exp",
    "exp2", "expm1", "eye", "finfo", "fix", "flatten", "flip", "fliplr", "flipud", "float",
    "float16", "float32", "float64", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod",
    "frac", "from_numpy", "frombuffer", "full", "full_like", "gather", "ge", "ger",
    "get_default_dtype", "get_float32_matmul_precision", "get_num_threads", "get_rng_state",
    "greater", "greater_equal", "group_norm", "gt", "half", "hardshrink", "heaviside", "histc",
    "hsplit", "hstack", "hypot", "iinfo", "index_add", "index_copy", "index_fill", "index_put",
    "index_select", "inf", "inference_mode", "initial_seed", "inner", "instance_norm", "int",
    "int16", "int32", "int64", "int8", "is_floating_point", "is_grad_enabled",
    "is_inference_mode_enabled", "is_tensor", "isclose", "isfinite", "isinf", "isnan", "isneginf",
    "isposinf", "isreal", "kl_div", "kron", "kthvalue", "layer_norm", "layout", "ldexp", "le",
    "lerp", "less", "less_equal", "lgamma", "linspace", "log", "log10", "log1p", "log2",
    "log_softmax", "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logit", "logspace", "logsumexp", "long", "lt", "manual_seed", "masked_fill",
    "masked_scatter", "masked_select", "matmul", "matrix_power", "max", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "maximum", "mean", "median",
    "memory_format", "memory_stats", "meshgrid", "min", "minimum", "mm", "mode", "moveaxis",
    "movedim", "msort", "mul", "multinomial", "multiply", "mv", "nan", "nan_to_num", "nanmean",
    "nanmedian", "nansum", "narrow", "ne", "neg", "negative", "no_grad", "nonzero", "norm",
    "normal", "not_equal", "numel", "ones", "ones_like", "outer", "permute", "pi", "pixel_shuffle",
    "pixel_unshuffle", "polygamma", "positive", "pow", "prelu", "preserve_format", "prod",
    "promote_types", "put", "quantile", "rad2deg", "rand", "rand_like", "randint", "randint_like",
    "randn", "randn_like", "randperm", "ravel", "reciprocal", "relu", "remainder",
    "repeat_interleave", "reshape", "result_type", "rms_norm", "roll", "rot90", "round",
    "row_stack", "rsqrt", "rsub", "scatter", "scatter_add", "scatter_reduce", "searchsorted",
    "seed", "select", "select_scatter", "selu", "set_default_dtype", "set_float32_matmul_precision",
    "set_grad_enabled", "set_num_threads", "set_printoptions", "set_rng_state", "sgn", "short",
    "sigmoid", "sign", "signbit", "sin", "sinc", "sinh", "slice_scatter", "softmax", "sort",
    "split", "sqrt", "square", "squeeze", "stack", "std", "std_mean", "strided", "sub", "subtract",
    "sum", "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan", "tanh", "tensor",
    "tensor_split", "tensordot", "tile", "topk", "trace", "transpose", "tril", "tril_indices",
    "triu", "triu_indices", "true_divide", "trunc", "uint8", "unbind", "unflatten", "unique",
    "unique_consecutive", "unsqueeze", "var", "var_mean", "vdot", "vsplit", "vstack", "where",
    "xlogy", "zeros", "zeros_like",
]  # fmt: skip

_LATER = {"load": "facula.io.checkpoint", "save": "facula.io.checkpoint"}
_SUBPACKAGES = ("cli", "fft", "io", "linalg", "nn", "optim", "special", "utils", "vision")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"facula.{name}")
    raise AttributeError(f"module 'facula' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_SUBPACKAGES})
