"""Written by `tools/stubs.py` from the records' schemas."""

import builtins
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, overload

from facula.generator import Generator as _Generator
from facula.meta.device import device as _device
from facula.meta.dtype import dtype as _dtype
from facula.meta.layout import layout as _layout
from facula.meta.layout import memory_format as _memory_format
from facula.tensor import Tensor as Tensor

_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float
_bool: TypeAlias = builtins.bool
Number: TypeAlias = builtins.int | builtins.float | builtins.bool | builtins.complex
DeviceLike: TypeAlias = _device | str | builtins.int
from facula import autograd as autograd
from facula.autograd.mode import enable_grad as enable_grad
from facula.autograd.mode import inference_mode as inference_mode
from facula.autograd.mode import is_grad_enabled as is_grad_enabled
from facula.autograd.mode import is_inference_mode_enabled as is_inference_mode_enabled
from facula.autograd.mode import no_grad as no_grad
from facula.autograd.mode import set_grad_enabled as set_grad_enabled
from facula.backend.control import empty_cache as empty_cache
from facula.backend.control import get_num_threads as get_num_threads
from facula.backend.control import memory_stats as memory_stats
from facula.backend.control import set_num_threads as set_num_threads
from facula.format import set_printoptions as set_printoptions
from facula.generator import Generator as Generator
from facula.generator import default_generator as default_generator
from facula.generator import get_rng_state as get_rng_state
from facula.generator import initial_seed as initial_seed
from facula.generator import manual_seed as manual_seed
from facula.generator import seed as seed
from facula.generator import set_rng_state as set_rng_state
from facula.launch.contraction import get_float32_matmul_precision as get_float32_matmul_precision
from facula.launch.contraction import set_float32_matmul_precision as set_float32_matmul_precision
from facula.meta.device import device as device
from facula.meta.dtype import bfloat16 as bfloat16
from facula.meta.dtype import can_cast as can_cast
from facula.meta.dtype import complex32 as complex32
from facula.meta.dtype import complex64 as complex64
from facula.meta.dtype import complex128 as complex128
from facula.meta.dtype import dtype as dtype
from facula.meta.dtype import finfo as finfo
from facula.meta.dtype import float16 as float16
from facula.meta.dtype import float32 as float32
from facula.meta.dtype import float64 as float64
from facula.meta.dtype import get_default_dtype as get_default_dtype
from facula.meta.dtype import iinfo as iinfo
from facula.meta.dtype import int8 as int8
from facula.meta.dtype import int16 as int16
from facula.meta.dtype import int32 as int32
from facula.meta.dtype import int64 as int64
from facula.meta.dtype import promote_types as promote_types
from facula.meta.dtype import set_default_dtype as set_default_dtype
from facula.meta.dtype import uint8 as uint8
from facula.meta.dtype import uint16 as uint16
from facula.meta.dtype import uint32 as uint32
from facula.meta.dtype import uint64 as uint64
from facula.meta.dtype import bool_ as bool
from facula.meta.layout import channels_last as channels_last
from facula.meta.layout import channels_last_3d as channels_last_3d
from facula.meta.layout import contiguous_format as contiguous_format
from facula.meta.layout import layout as layout
from facula.meta.layout import memory_format as memory_format
from facula.meta.layout import preserve_format as preserve_format
from facula.meta.layout import strided as strided
from facula.meta.shape import Size as Size
from facula.meta.shape import public_broadcast_shapes as broadcast_shapes
from facula.ops.query import is_complex as is_complex
from facula.ops.query import is_conj as is_conj
from facula.ops.query import is_floating_point as is_floating_point
from facula.ops.query import is_neg as is_neg
from facula.ops.query import is_tensor as is_tensor
from facula.ops.query import numel as numel
from facula.ops.query import result_type as result_type
from facula.tensor import Tensor as Tensor
cdouble = complex128
cfloat = complex64
chalf = complex32
double = float64
float = float32
half = float16
int = int32
long = int64
short = int16
inf: _float
nan: _float
pi: _float
e: _float
from facula import accelerator as accelerator
from facula import backends as backends
from facula import cli as cli
from facula import cpu as cpu
from facula import cuda as cuda
from facula import fft as fft
from facula import io as io
from facula import linalg as linalg
from facula import masked as masked
from facula import mps as mps
from facula import mtia as mtia
from facula import nn as nn
from facula import optim as optim
from facula import random as random
from facula import signal as signal
from facula import special as special
from facula import storage as storage
from facula import testing as testing
from facula import utils as utils
from facula import version as version
from facula import vision as vision
from facula import xpu as xpu
from facula.old import BFloat16Storage as BFloat16Storage
from facula.old import BFloat16Tensor as BFloat16Tensor
from facula.old import BoolStorage as BoolStorage
from facula.old import BoolTensor as BoolTensor
from facula.old import ByteStorage as ByteStorage
from facula.old import ByteTensor as ByteTensor
from facula.old import CharStorage as CharStorage
from facula.old import CharTensor as CharTensor
from facula.old import ComplexDoubleStorage as ComplexDoubleStorage
from facula.old import ComplexFloatStorage as ComplexFloatStorage
from facula.old import DoubleStorage as DoubleStorage
from facula.old import DoubleTensor as DoubleTensor
from facula.old import FloatStorage as FloatStorage
from facula.old import FloatTensor as FloatTensor
from facula.old import HalfStorage as HalfStorage
from facula.old import HalfTensor as HalfTensor
from facula.old import IntStorage as IntStorage
from facula.old import IntTensor as IntTensor
from facula.old import LongStorage as LongStorage
from facula.old import LongTensor as LongTensor
from facula.old import ShortStorage as ShortStorage
from facula.old import ShortTensor as ShortTensor
from facula.old import Storage as Storage
from facula.old import TypedStorage as TypedStorage
from facula.old import UntypedStorage as UntypedStorage
from facula.settings import are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled
from facula.meta.other import bit as bit
from facula.meta.other import bits16 as bits16
from facula.meta.other import bits1x8 as bits1x8
from facula.meta.other import bits2x4 as bits2x4
from facula.meta.other import bits4x2 as bits4x2
from facula.meta.other import bits8 as bits8
from facula.settings import compiled_with_cxx11_abi as compiled_with_cxx11_abi
from facula.symbolic import cond as cond
from facula.asking import detach as detach
from facula.asking import detach_ as detach_
from facula.meta.other import float4_e2m1fn_x2 as float4_e2m1fn_x2
from facula.meta.other import float8_e4m3fn as float8_e4m3fn
from facula.meta.other import float8_e4m3fnuz as float8_e4m3fnuz
from facula.meta.other import float8_e5m2 as float8_e5m2
from facula.meta.other import float8_e5m2fnuz as float8_e5m2fnuz
from facula.meta.other import float8_e8m0fnu as float8_e8m0fnu
from facula.settings import get_default_device as get_default_device
from facula.settings import get_deterministic_debug_mode as get_deterministic_debug_mode
from facula.asking import get_device as get_device
from facula.settings import get_device_module as get_device_module
from facula.settings import get_num_interop_threads as get_num_interop_threads
from facula.meta.other import has_cuda as has_cuda
from facula.meta.other import has_lapack as has_lapack
from facula.meta.other import has_mkl as has_mkl
from facula.meta.other import has_mkldnn as has_mkldnn
from facula.meta.other import has_mps as has_mps
from facula.meta.other import has_openmp as has_openmp
from facula.meta.other import has_spectral as has_spectral
from facula.meta.other import int1 as int1
from facula.meta.other import int2 as int2
from facula.meta.other import int3 as int3
from facula.meta.other import int4 as int4
from facula.meta.other import int5 as int5
from facula.meta.other import int6 as int6
from facula.meta.other import int7 as int7
from facula.settings import is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled
from facula.asking import is_distributed as is_distributed
from facula.asking import is_inference as is_inference
from facula.asking import is_nonzero as is_nonzero
from facula.asking import is_same_size as is_same_size
from facula.asking import is_signed as is_signed
from facula.settings import is_storage as is_storage
from facula.settings import is_vulkan_available as is_vulkan_available
from facula.settings import is_warn_always_enabled as is_warn_always_enabled
from facula.meta.other import jagged as jagged
from facula.meta.other import legacy_contiguous_format as legacy_contiguous_format
from facula.io.checkpoint import load as load
from facula.meta.other import newaxis as newaxis
from facula.meta.other import per_channel_affine as per_channel_affine
from facula.meta.other import per_channel_affine_float_qparams as per_channel_affine_float_qparams
from facula.meta.other import per_channel_symmetric as per_channel_symmetric
from facula.meta.other import per_tensor_affine as per_tensor_affine
from facula.meta.other import per_tensor_symmetric as per_tensor_symmetric
from facula.meta.other import qint32 as qint32
from facula.meta.other import qint8 as qint8
from facula.meta.other import qscheme as qscheme
from facula.meta.other import quint2x4 as quint2x4
from facula.meta.other import quint4x2 as quint4x2
from facula.meta.other import quint8 as quint8
from facula.io.checkpoint import save as save
from facula.settings import set_default_device as set_default_device
from facula.old import set_default_tensor_type as set_default_tensor_type
from facula.settings import set_deterministic_debug_mode as set_deterministic_debug_mode
from facula.settings import set_flush_denormal as set_flush_denormal
from facula.settings import set_num_interop_threads as set_num_interop_threads
from facula.settings import set_warn_always as set_warn_always
from facula.meta.other import sparse_bsc as sparse_bsc
from facula.meta.other import sparse_bsr as sparse_bsr
from facula.meta.other import sparse_coo as sparse_coo
from facula.meta.other import sparse_csc as sparse_csc
from facula.meta.other import sparse_csr as sparse_csr
from facula.symbolic import sym_float as sym_float
from facula.symbolic import sym_int as sym_int
from facula.symbolic import sym_ite as sym_ite
from facula.symbolic import sym_max as sym_max
from facula.symbolic import sym_min as sym_min
from facula.symbolic import sym_not as sym_not
from facula.symbolic import sym_sqrt as sym_sqrt
from facula.symbolic import sym_sum as sym_sum
from facula.settings import typename as typename
from facula.meta.other import uint1 as uint1
from facula.meta.other import uint2 as uint2
from facula.meta.other import uint3 as uint3
from facula.meta.other import uint4 as uint4
from facula.meta.other import uint5 as uint5
from facula.meta.other import uint6 as uint6
from facula.meta.other import uint7 as uint7
from facula.settings import use_deterministic_algorithms as use_deterministic_algorithms
from facula.symbolic import while_loop as while_loop

class _aminmax_result(NamedTuple):
    min: Tensor
    max: Tensor

class _cummax_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _cummin_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _frexp_result(NamedTuple):
    mantissa: Tensor
    exponent: Tensor

class _geqrf_result(NamedTuple):
    a: Tensor
    tau: Tensor

class _histogram_result(NamedTuple):
    hist: Tensor
    bin_edges: Tensor

class _kthvalue_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _lu_result(NamedTuple):
    LU: Tensor
    pivots: Tensor

class _lu_unpack_result(NamedTuple):
    P: Tensor
    L: Tensor
    U: Tensor

class _max_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _median_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _min_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _mode_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _nanmedian_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _qr_result(NamedTuple):
    Q: Tensor
    R: Tensor

class _slogdet_result(NamedTuple):
    sign: Tensor
    logabsdet: Tensor

class _sort_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _svd_result(NamedTuple):
    U: Tensor
    S: Tensor
    V: Tensor

class _topk_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _triangular_solve_result(NamedTuple):
    solution: Tensor
    cloned_coefficient: Tensor

def abs(input: Tensor) -> Tensor: ...
def absolute(input: Tensor) -> Tensor: ...
def acos(input: Tensor) -> Tensor: ...
def acosh(input: Tensor) -> Tensor: ...
def adaptive_avg_pool1d(input: Tensor, output_size: _int | Sequence[_int]) -> Tensor: ...
def adaptive_max_pool1d(input: Tensor, output_size: _int | Sequence[_int]) -> tuple[Tensor, Tensor]: ...
def add(input: Tensor, other: Tensor | Number, *, alpha: Number = ...) -> Tensor: ...
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = ..., alpha: Number = ..., out: Tensor | None = ...) -> Tensor: ...
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = ...) -> Tensor: ...
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = ...) -> Tensor: ...
@overload
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = ..., alpha: Number = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, out_dtype: _dtype, *, beta: Number = ..., alpha: Number = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = ..., alpha: Number = ..., out: Tensor | None = ...) -> Tensor: ...
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = ..., alpha: Number = ..., out: Tensor | None = ...) -> Tensor: ...
def adjoint(input: Tensor) -> Tensor: ...
@overload
def affine_grid_generator(theta: Tensor, size: _int | Sequence[_int], align_corners: _bool) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def affine_grid_generator(theta: Tensor, *size: _int, align_corners: _bool) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def alias_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
@overload
def all(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def all(input: Tensor, dim: _int | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def all(input: Tensor, dim: _int | Sequence[_int] | str | None = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def allclose(input: Tensor, other: Tensor, rtol: _float = ..., atol: _float = ..., equal_nan: _bool = ...) -> _bool: ...
def alpha_dropout(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def amax(input: Tensor, dim: _int | Sequence[_int] | str = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def amin(input: Tensor, dim: _int | Sequence[_int] | str = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def aminmax(input: Tensor, *, dim: _int | str | None = ..., keepdim: _bool = ..., out: Tensor | None = ...) -> _aminmax_result: ...
def angle(input: Tensor) -> Tensor: ...
@overload
def any(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def any(input: Tensor, dim: _int | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def any(input: Tensor, dim: _int | Sequence[_int] | str | None = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def arange(end: Number, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def arange(start: Number, end: Number, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def arange(start: Number, end: Number, step: Number = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def arccos(input: Tensor) -> Tensor: ...
def arccosh(input: Tensor) -> Tensor: ...
def arcsin(input: Tensor) -> Tensor: ...
def arcsinh(input: Tensor) -> Tensor: ...
def arctan(input: Tensor) -> Tensor: ...
def arctan2(input: Tensor, other: Tensor) -> Tensor: ...
def arctanh(input: Tensor) -> Tensor: ...
def argmax(input: Tensor, dim: _int | str | None = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def argmin(input: Tensor, dim: _int | str | None = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
@overload
def argsort(input: Tensor, dim: _int | str = ..., descending: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def argsort(input: Tensor, *, stable: _bool, dim: _int | str = ..., descending: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def argwhere(input: Tensor) -> Tensor: ...
@overload
def as_strided(input: Tensor, size: _int | Sequence[_int], stride: _int | Sequence[_int], storage_offset: _int | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def as_strided(input: Tensor, *size: _int, stride: _int | Sequence[_int], storage_offset: _int | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def as_strided_copy(input: Tensor, size: _int | Sequence[_int], stride: _int | Sequence[_int], storage_offset: _int | None = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def as_strided_copy(input: Tensor, *size: _int, stride: _int | Sequence[_int], storage_offset: _int | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def as_strided_scatter(input: Tensor, src: Tensor, size: _int | Sequence[_int], stride: _int | Sequence[_int], storage_offset: _int | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
def as_tensor(data: Any, dtype: _dtype | None = ..., device: DeviceLike | None = ...) -> Tensor: ...
def asarray(obj: Any, *, dtype: _dtype | None = ..., device: DeviceLike | None = ..., copy: _bool | None = ..., requires_grad: _bool | None = ...) -> Tensor: ...
def asin(input: Tensor) -> Tensor: ...
def asinh(input: Tensor) -> Tensor: ...
def atan(input: Tensor) -> Tensor: ...
def atan2(input: Tensor, other: Tensor) -> Tensor: ...
def atanh(input: Tensor) -> Tensor: ...
@overload
def atleast_1d(tensor: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def atleast_1d(*tensors: Tensor) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def atleast_1d(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def atleast_2d(tensor: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def atleast_2d(*tensors: Tensor) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def atleast_2d(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def atleast_3d(tensor: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def atleast_3d(*tensors: Tensor) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def atleast_3d(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def avg_pool1d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., ceil_mode: _bool = ..., count_include_pad: _bool = ...) -> Tensor: ...
@overload
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = ..., alpha: Number = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, out_dtype: _dtype, *, beta: Number = ..., alpha: Number = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def bartlett_window(window_length: _int, periodic: _bool = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...
def batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None, training: _bool, momentum: _float, eps: _float, cudnn_enabled: _bool) -> Tensor: ...
@overload
def bernoulli(input: Tensor, *, generator: _Generator | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def bernoulli(input: Tensor, p: _float, *, generator: _Generator | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def bernoulli(input: Tensor, p: Tensor, *, generator: _Generator | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = ...) -> Tensor: ...
def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = ..., pos_weight: Tensor | None = ..., reduction: _int = ...) -> Tensor: ...
def bincount(input: Tensor, weights: Tensor | None = ..., minlength: _int = ...) -> Tensor: ...
def binomial(count: Tensor, prob: Tensor, generator: _Generator | None = ...) -> Tensor: ...
def bitwise_and(input: Tensor, other: Tensor | Number) -> Tensor: ...
def bitwise_left_shift(input: Tensor, other: Tensor | Number) -> Tensor: ...
def bitwise_not(input: Tensor) -> Tensor: ...
def bitwise_or(input: Tensor, other: Tensor | Number) -> Tensor: ...
def bitwise_right_shift(input: Tensor, other: Tensor | Number) -> Tensor: ...
def bitwise_xor(input: Tensor, other: Tensor | Number) -> Tensor: ...
def blackman_window(window_length: _int, periodic: _bool = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...
@overload
def block_diag(tensors: Sequence[Tensor]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def block_diag(*tensors: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def bmm(input: Tensor, mat2: Tensor, out_dtype: _dtype, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def broadcast_tensors(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def broadcast_to(input: Tensor, size: _int | Sequence[_int]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def broadcast_to(input: Tensor, *size: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def bucketize(input: Tensor, boundaries: Tensor, *, out_int32: _bool = ..., right: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def bucketize(input: Number, boundaries: Tensor, *, out_int32: _bool = ..., right: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def cartesian_prod(tensors: Sequence[Tensor]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def cartesian_prod(*tensors: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def cat(tensors: Sequence[Tensor], dim: _int | str = ..., *, out: Tensor | None = ...) -> Tensor: ...
def cdist(x1: Tensor, x2: Tensor, p: _float = ..., compute_mode: Any | None = ...) -> Tensor: ...
def ceil(input: Tensor) -> Tensor: ...
def celu(input: Tensor, alpha: Number = ...) -> Tensor: ...
@overload
def chain_matmul(matrices: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def chain_matmul(*matrices: Tensor, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def channel_shuffle(input: Tensor, groups: _int) -> Tensor: ...
def cholesky(input: Tensor, upper: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def cholesky_inverse(input: Tensor, upper: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def cholesky_solve(input: Tensor, input2: Tensor, upper: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def chunk(input: Tensor, chunks: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...
@overload
def clamp(input: Tensor, min: Number | None = ..., max: Number | None = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def clamp(input: Tensor, min: Tensor | None = ..., max: Tensor | None = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def clamp_max(input: Tensor, max: Tensor | Number) -> Tensor: ...
def clamp_min(input: Tensor, min: Tensor | Number) -> Tensor: ...
@overload
def clip(input: Tensor, min: Number | None = ..., max: Number | None = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def clip(input: Tensor, min: Tensor | None = ..., max: Tensor | None = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def clone(input: Tensor, *, memory_format: _memory_format | None = ...) -> Tensor: ...
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
def combinations(input: Tensor, r: _int = ..., with_replacement: _bool = ...) -> Tensor: ...
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def concat(tensors: Sequence[Tensor], dim: _int | str = ..., *, out: Tensor | None = ...) -> Tensor: ...
def concatenate(tensors: Sequence[Tensor], dim: _int | str = ..., *, out: Tensor | None = ...) -> Tensor: ...
def conj(input: Tensor) -> Tensor: ...
def conj_physical(input: Tensor) -> Tensor: ...
def constant_pad_nd(input: Tensor, pad: _int | Sequence[_int], value: Number = ...) -> Tensor: ...
@overload
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., groups: _int = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: str = ..., dilation: _int | Sequence[_int] = ..., groups: _int = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., groups: _int = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: str = ..., dilation: _int | Sequence[_int] = ..., groups: _int = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., groups: _int = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: str = ..., dilation: _int | Sequence[_int] = ..., groups: _int = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: _int = ...) -> Tensor: ...
def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., output_padding: _int | Sequence[_int] = ..., groups: _int = ..., dilation: _int | Sequence[_int] = ...) -> Tensor: ...
def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., output_padding: _int | Sequence[_int] = ..., groups: _int = ..., dilation: _int | Sequence[_int] = ...) -> Tensor: ...
def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = ..., stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., output_padding: _int | Sequence[_int] = ..., groups: _int = ..., dilation: _int | Sequence[_int] = ...) -> Tensor: ...
def copysign(input: Tensor, other: Tensor | Number) -> Tensor: ...
def corrcoef(input: Tensor) -> Tensor: ...
def cos(input: Tensor) -> Tensor: ...
def cosh(input: Tensor) -> Tensor: ...
def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: _float = ..., reduction: _int = ...) -> Tensor: ...
def cosine_similarity(x1: Tensor, x2: Tensor, dim: _int | str = ..., eps: _float = ...) -> Tensor: ...
@overload
def count_nonzero(input: Tensor, dim: _int | str | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def count_nonzero(input: Tensor, dim: _int | Sequence[_int] | str) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def cov(input: Tensor, *, correction: _int = ..., fweights: Tensor | None = ..., aweights: Tensor | None = ...) -> Tensor: ...
def cross(input: Tensor, other: Tensor, dim: _int | str | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
@overload
def ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: _int | Sequence[_int], target_lengths: _int | Sequence[_int], blank: _int = ..., reduction: _int = ..., zero_infinity: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: _int = ..., reduction: _int = ..., zero_infinity: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def cummax(input: Tensor, dim: _int | str, *, out: Tensor | None = ...) -> _cummax_result: ...
def cummin(input: Tensor, dim: _int | str, *, out: Tensor | None = ...) -> _cummin_result: ...
def cumprod(input: Tensor, dim: _int | str, *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...
def cumsum(input: Tensor, dim: _int | str, *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...
def cumulative_trapezoid(y: Tensor, x: Tensor | None = ..., *, dx: Number | None = ..., dim: _int | str = ...) -> Tensor: ...
def deg2rad(input: Tensor) -> Tensor: ...
def det(input: Tensor) -> Tensor: ...
def detach_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def diag(input: Tensor, diagonal: _int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def diag_embed(input: Tensor, offset: _int = ..., dim1: _int | str = ..., dim2: _int = ...) -> Tensor: ...
def diagflat(input: Tensor, offset: _int = ...) -> Tensor: ...
def diagonal(input: Tensor, offset: _int = ..., dim1: _int | str = ..., dim2: _int = ...) -> Tensor: ...
def diagonal_copy(input: Tensor, offset: _int = ..., dim1: _int | str = ..., dim2: _int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def diagonal_scatter(input: Tensor, src: Tensor, offset: _int = ..., dim1: _int | str = ..., dim2: _int = ...) -> Tensor: ...
def diff(input: Tensor, n: _int = ..., dim: _int | str = ..., prepend: Tensor | None = ..., append: Tensor | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
def digamma(input: Tensor) -> Tensor: ...
def dist(input: Tensor, other: Tensor, p: Number = ...) -> Tensor: ...
@overload
def div(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def div(input: Tensor, other: Number, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def div(input: Tensor, other: Tensor, *, rounding_mode: str | None, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def div(input: Tensor, other: Number, *, rounding_mode: str | None, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def divide(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def divide(input: Tensor, other: Number, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def divide(input: Tensor, other: Tensor, *, rounding_mode: str | None, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def divide(input: Tensor, other: Number, *, rounding_mode: str | None, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def dropout(input: Tensor, p: _float, train: _bool) -> Tensor: ...
@overload
def dsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def dsplit(input: Tensor, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
@overload
def einsum(equation: str, operands: Sequence[Tensor]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def einsum(equation: str, *operands: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def embedding(weight: Tensor, indices: Tensor, padding_idx: _int = ..., scale_grad_by_freq: _bool = ..., sparse: _bool = ...) -> Tensor: ...
@overload
def embedding_bag(weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: _bool = ..., mode: _int = ..., sparse: _bool = ..., per_sample_weights: Tensor | None = ..., include_last_offset: _bool = ...) -> tuple[Tensor, Tensor, Tensor, Tensor]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def embedding_bag(weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: _bool, mode: _int, sparse: _bool, per_sample_weights: Tensor | None, include_last_offset: _bool, padding_idx: _int | None) -> tuple[Tensor, Tensor, Tensor, Tensor]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def empty(size: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def empty(*size: _int, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def empty_like(input: Tensor, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., requires_grad: _bool = ...) -> Tensor: ...
@overload
def empty_permuted(size: _int | Sequence[_int], physical_layout: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def empty_permuted(*size: _int, physical_layout: _int | Sequence[_int], dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def empty_strided(size: _int | Sequence[_int], stride: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def empty_strided(*size: _int, stride: _int | Sequence[_int], dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def eq(input: Tensor, other: Tensor | Number) -> Tensor: ...
def equal(input: Tensor, other: Tensor) -> _bool: ...
def erf(input: Tensor) -> Tensor: ...
def erfc(input: Tensor) -> Tensor: ...
def erfinv(input: Tensor) -> Tensor: ...
def exp(input: Tensor) -> Tensor: ...
def exp2(input: Tensor) -> Tensor: ...
@overload
def expand_copy(input: Tensor, size: _int | Sequence[_int], *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def expand_copy(input: Tensor, *size: _int, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def expm1(input: Tensor) -> Tensor: ...
@overload
def eye(n: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def eye(n: _int, m: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def feature_alpha_dropout(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def feature_dropout(input: Tensor, p: _float, train: _bool) -> Tensor: ...
@overload
def fill(input: Tensor, value: Number) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def fill(input: Tensor, value: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def fix(input: Tensor) -> Tensor: ...
def flatten(input: Tensor, start_dim: _int | str = ..., end_dim: _int | str = ...) -> Tensor: ...
@overload
def flip(input: Tensor, dims: _int | Sequence[_int]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def flip(input: Tensor, *dims: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def fliplr(input: Tensor) -> Tensor: ...
def flipud(input: Tensor) -> Tensor: ...
def float_power(input: Tensor, exponent: Tensor | Number) -> Tensor: ...
def floor(input: Tensor) -> Tensor: ...
def floor_divide(input: Tensor, other: Tensor | Number) -> Tensor: ...
def fmax(input: Tensor, other: Tensor) -> Tensor: ...
def fmin(input: Tensor, other: Tensor) -> Tensor: ...
def fmod(input: Tensor, other: Tensor | Number) -> Tensor: ...
def frac(input: Tensor) -> Tensor: ...
def frexp(input: Tensor, *, out: Tensor | None = ...) -> _frexp_result: ...
def frobenius_norm(input: Tensor, dim: _int | Sequence[_int] | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def from_dlpack(ext_tensor: Any, *, device: DeviceLike | None = ..., copy: _bool | None = ...) -> Tensor: ...
def from_file(filename: str, shared: _bool | None = ..., size: _int | None = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ...) -> Tensor: ...
def from_numpy(ndarray: Any) -> Tensor: ...
def frombuffer(buffer: Any, *, dtype: _dtype, count: _int = ..., offset: _int = ..., requires_grad: _bool = ...) -> Tensor: ...
@overload
def full(size: _int | Sequence[_int], fill_value: Number, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def full(*size: _int, fill_value: Number, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def full_like(input: Tensor, fill_value: Number, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., requires_grad: _bool = ...) -> Tensor: ...
def gather(input: Tensor, dim: _int | str, index: Tensor, *, sparse_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...
def gcd(input: Tensor, other: Tensor) -> Tensor: ...
def ge(input: Tensor, other: Tensor | Number) -> Tensor: ...
def geqrf(input: Tensor, *, out: Tensor | None = ...) -> _geqrf_result: ...
def ger(input: Tensor, vec2: Tensor) -> Tensor: ...
@overload
def gradient(input: Tensor, *, spacing: Number | None = ..., dim: _int | Sequence[_int] | str | None = ..., edge_order: _int = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def gradient(input: Tensor, *, spacing: Sequence[Number], dim: _int | Sequence[_int] | str | None = ..., edge_order: _int = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def gradient(input: Tensor, *, spacing: Sequence[Tensor], dim: _int | Sequence[_int] | str | None = ..., edge_order: _int = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def greater(input: Tensor, other: Tensor) -> Tensor: ...
def greater_equal(input: Tensor, other: Tensor) -> Tensor: ...
def grid_sampler(input: Tensor, grid: Tensor, interpolation_mode: _int, padding_mode: _int, align_corners: _bool) -> Tensor: ...
def grid_sampler_2d(input: Tensor, grid: Tensor, interpolation_mode: _int, padding_mode: _int, align_corners: _bool) -> Tensor: ...
def grid_sampler_3d(input: Tensor, grid: Tensor, interpolation_mode: _int, padding_mode: _int, align_corners: _bool) -> Tensor: ...
def group_norm(input: Tensor, num_groups: _int, weight: Tensor | None = ..., bias: Tensor | None = ..., eps: _float = ..., cudnn_enabled: _bool = ...) -> Tensor: ...
def gt(input: Tensor, other: Tensor | Number) -> Tensor: ...
def hamming_window(window_length: _int, periodic: _bool = ..., alpha: _float = ..., beta: _float = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...
def hann_window(window_length: _int, periodic: _bool = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...
def hardshrink(input: Tensor, lambd: Number = ...) -> Tensor: ...
def hash_tensor(input: Tensor, dim: _int | Sequence[_int] | str = ..., *, keepdim: _bool = ..., mode: _int = ..., out: Tensor | None = ...) -> Tensor: ...
def heaviside(input: Tensor, values: Tensor) -> Tensor: ...
def hinge_embedding_loss(input: Tensor, target: Tensor, margin: _float = ..., reduction: _int = ...) -> Tensor: ...
def histc(input: Tensor, bins: _int = ..., min: Number = ..., max: Number = ..., *, out: Tensor | None = ...) -> Tensor: ...
@overload
def histogram(input: Tensor, bins: _int = ..., *, range: Sequence[_float] | None = ..., weight: Tensor | None = ..., density: _bool = ..., out: Tensor | None = ...) -> _histogram_result: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def histogram(input: Tensor, bins: Tensor, *, weight: Tensor | None = ..., density: _bool = ..., out: Tensor | None = ...) -> _histogram_result: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def histogramdd(input: Tensor, bins: _int | Sequence[_int], range: Sequence[_float] | None = ..., weight: Tensor | None = ..., density: _bool = ...) -> Any: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def histogramdd(input: Tensor, bins: _int, range: Sequence[_float] | None = ..., weight: Tensor | None = ..., density: _bool = ...) -> Any: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def histogramdd(input: Tensor, bins: Sequence[Tensor], range: Sequence[_float] | None = ..., weight: Tensor | None = ..., density: _bool = ...) -> Any: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def hsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def hsplit(input: Tensor, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
def hypot(input: Tensor, other: Tensor) -> Tensor: ...
def i0(input: Tensor) -> Tensor: ...
def igamma(input: Tensor, other: Tensor) -> Tensor: ...
def igammac(input: Tensor, other: Tensor) -> Tensor: ...
def imag(input: Tensor) -> Tensor: ...
def index_add(input: Tensor, dim: _int | str, index: Tensor, source: Tensor, *, alpha: Number = ..., out: Tensor | None = ...) -> Tensor: ...
def index_copy(input: Tensor, dim: _int | str, index: Tensor, source: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
@overload
def index_fill(input: Tensor, dim: _int | str, index: Tensor, value: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def index_fill(input: Tensor, dim: _int | str, index: Tensor, value: Number) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def index_put(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: _bool = ...) -> Tensor: ...
def index_reduce(input: Tensor, dim: _int | str, index: Tensor, source: Tensor, reduce: str, *, include_self: _bool = ..., out: Tensor | None = ...) -> Tensor: ...
def index_select(input: Tensor, dim: _int | str, index: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def instance_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None, use_input_stats: _bool, momentum: _float, eps: _float, cudnn_enabled: _bool) -> Tensor: ...
def inverse(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def isclose(input: Tensor, other: Tensor, rtol: _float = ..., atol: _float = ..., equal_nan: _bool = ...) -> Tensor: ...
def isfinite(input: Tensor) -> Tensor: ...
@overload
def isin(elements: Tensor, test_elements: Tensor, *, assume_unique: _bool = ..., invert: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def isin(elements: Tensor, test_element: Number, *, assume_unique: _bool = ..., invert: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def isin(element: Number, test_elements: Tensor, *, assume_unique: _bool = ..., invert: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def isinf(input: Tensor) -> Tensor: ...
def isnan(input: Tensor) -> Tensor: ...
def isneginf(input: Tensor) -> Tensor: ...
def isposinf(input: Tensor) -> Tensor: ...
def isreal(input: Tensor) -> Tensor: ...
def istft(input: Tensor, n_fft: _int, hop_length: _int | None = ..., win_length: _int | None = ..., window: Tensor | None = ..., center: _bool = ..., normalized: _bool = ..., onesided: _bool | None = ..., length: _int | None = ..., return_complex: _bool = ...) -> Tensor: ...
def kaiser_window(window_length: _int, periodic: _bool = ..., beta: _float = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...
def kl_div(input: Tensor, target: Tensor, reduction: _int = ..., *, log_target: _bool = ...) -> Tensor: ...
def kron(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def kthvalue(input: Tensor, k: _int, dim: _int | str = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> _kthvalue_result: ...
def layer_norm(input: Tensor, normalized_shape: _int | Sequence[_int], weight: Tensor | None = ..., bias: Tensor | None = ..., eps: _float = ..., cudnn_enable: _bool = ...) -> Tensor: ...
def lcm(input: Tensor, other: Tensor) -> Tensor: ...
def ldexp(input: Tensor, other: Tensor) -> Tensor: ...
def le(input: Tensor, other: Tensor | Number) -> Tensor: ...
def lerp(input: Tensor, end: Tensor | Number, weight: Tensor | Number) -> Tensor: ...
def less(input: Tensor, other: Tensor) -> Tensor: ...
def less_equal(input: Tensor, other: Tensor) -> Tensor: ...
def lgamma(input: Tensor) -> Tensor: ...
@overload
def linspace(start: Tensor, end: Tensor, steps: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def linspace(start: Tensor, end: Number, steps: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def linspace(start: Number, end: Tensor, steps: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def linspace(start: Number, end: Number, steps: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def log(input: Tensor) -> Tensor: ...
def log10(input: Tensor) -> Tensor: ...
def log1p(input: Tensor) -> Tensor: ...
def log2(input: Tensor) -> Tensor: ...
def log_softmax(input: Tensor, dim: _int | str, dtype: _dtype | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
def logaddexp(input: Tensor, other: Tensor) -> Tensor: ...
def logaddexp2(input: Tensor, other: Tensor) -> Tensor: ...
def logcumsumexp(input: Tensor, dim: _int | str, *, out: Tensor | None = ...) -> Tensor: ...
def logdet(input: Tensor) -> Tensor: ...
def logical_and(input: Tensor, other: Tensor) -> Tensor: ...
def logical_not(input: Tensor) -> Tensor: ...
def logical_or(input: Tensor, other: Tensor) -> Tensor: ...
def logical_xor(input: Tensor, other: Tensor) -> Tensor: ...
def logit(input: Tensor, eps: _float | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
@overload
def logspace(start: Tensor, end: Tensor, steps: _int, base: _float = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def logspace(start: Tensor, end: Number, steps: _int, base: _float = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def logspace(start: Number, end: Tensor, steps: _int, base: _float = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def logspace(start: Number, end: Number, steps: _int, base: _float = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def logsumexp(input: Tensor, dim: _int | Sequence[_int] | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def lt(input: Tensor, other: Tensor | Number) -> Tensor: ...
def lu(input: Tensor, pivot: _bool = ..., get_infos: _bool = ..., *, out: Tensor | None = ...) -> _lu_result: ...
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: _bool = ..., unpack_pivots: _bool = ..., *, out: Tensor | None = ...) -> _lu_unpack_result: ...
def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: _float = ..., reduction: _int = ...) -> Tensor: ...
@overload
def masked_fill(input: Tensor, mask: Tensor, value: Number) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def masked_fill(input: Tensor, mask: Tensor, value: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor: ...
def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def matrix_exp(input: Tensor) -> Tensor: ...
def matrix_power(input: Tensor, n: _int, *, out: Tensor | None = ...) -> Tensor: ...
@overload
def max(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def max(input: Tensor, dim: _int | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> _max_result: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def max(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def max_pool1d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = ...) -> Tensor: ...
def max_pool1d_with_indices(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = ...) -> tuple[Tensor, Tensor]: ...
def max_pool2d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = ...) -> Tensor: ...
def max_pool3d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = ...) -> Tensor: ...
def maximum(input: Tensor, other: Tensor) -> Tensor: ...
@overload
def mean(input: Tensor, *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def mean(input: Tensor, dim: _int | Sequence[_int] | str | None, keepdim: _bool = ..., *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def median(input: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def median(input: Tensor, dim: _int | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> _median_result: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def meshgrid(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def meshgrid(*tensors: Tensor) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def meshgrid(tensors: Sequence[Tensor], *, indexing: str) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def meshgrid(*tensors: Tensor, indexing: str) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def min(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def min(input: Tensor, dim: _int | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> _min_result: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def min(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def minimum(input: Tensor, other: Tensor) -> Tensor: ...
@overload
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def mm(input: Tensor, mat2: Tensor, out_dtype: _dtype, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def mode(input: Tensor, dim: _int | str = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> _mode_result: ...
@overload
def moveaxis(input: Tensor, source: _int | Sequence[_int], destination: _int | Sequence[_int]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def moveaxis(input: Tensor, source: _int, destination: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def movedim(input: Tensor, source: _int, destination: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def movedim(input: Tensor, source: _int | Sequence[_int], destination: _int | Sequence[_int]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def msort(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def mul(input: Tensor, other: Tensor | Number) -> Tensor: ...
def multinomial(input: Tensor, num_samples: _int, replacement: _bool = ..., *, generator: _Generator | None = ..., out: Tensor | None = ...) -> Tensor: ...
def multiply(input: Tensor, other: Tensor) -> Tensor: ...
def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def mvlgamma(input: Tensor, p: _int, *, out: Tensor | None = ...) -> Tensor: ...
def nan_to_num(input: Tensor, nan: _float | None = ..., posinf: _float | None = ..., neginf: _float | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
def nanmean(input: Tensor, dim: _int | Sequence[_int] | str | None = ..., keepdim: _bool = ..., *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...
@overload
def nanmedian(input: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def nanmedian(input: Tensor, dim: _int | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> _nanmedian_result: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def nanquantile(input: Tensor, q: Tensor, dim: _int | str | None = ..., keepdim: _bool = ..., *, interpolation: str = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def nanquantile(input: Tensor, q: _float, dim: _int | str | None = ..., keepdim: _bool = ..., *, interpolation: str = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def nansum(input: Tensor, dim: _int | Sequence[_int] | str | None = ..., keepdim: _bool = ..., *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...
@overload
def narrow(input: Tensor, dim: _int | str, start: _int, length: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def narrow(input: Tensor, dim: _int | str, start: Tensor, length: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def narrow_copy(input: Tensor, dim: _int | str, start: _int, length: _int, *, out: Tensor | None = ...) -> Tensor: ...
def native_batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None, training: _bool, momentum: _float, eps: _float, *, out: Tensor | None = ...) -> tuple[Tensor, Tensor, Tensor]: ...
def native_channel_shuffle(input: Tensor, groups: _int) -> Tensor: ...
def native_dropout(input: Tensor, p: _float, train: _bool | None) -> tuple[Tensor, Tensor]: ...
def native_group_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, N: _int, C: _int, HxW: _int, group: _int, eps: _float) -> tuple[Tensor, Tensor, Tensor]: ...
def native_layer_norm(input: Tensor, normalized_shape: _int | Sequence[_int], weight: Tensor | None, bias: Tensor | None, eps: _float) -> tuple[Tensor, Tensor, Tensor]: ...
def ne(input: Tensor, other: Tensor | Number) -> Tensor: ...
def neg(input: Tensor) -> Tensor: ...
def negative(input: Tensor) -> Tensor: ...
def nextafter(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
@overload
def nonzero(input: Tensor, *, as_tuple: Literal[False] = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def nonzero(input: Tensor, *, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def nonzero_static(input: Tensor, *, size: _int, fill_value: _int = ..., out: Tensor | None = ...) -> Tensor: ...
def norm(input: Tensor, p: Any = ..., dim: _int | Sequence[_int] | str | None = ..., keepdim: _bool = ..., *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...
@overload
def normal(mean: Tensor, std: _float = ..., *, generator: _Generator | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def normal(mean: _float, std: Tensor, *, generator: _Generator | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def normal(mean: Tensor, std: Tensor, *, generator: _Generator | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def normal(mean: _float, std: _float, size: _int | Sequence[_int], *, generator: _Generator | None = ..., dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def not_equal(input: Tensor, other: Tensor) -> Tensor: ...
@overload
def nuclear_norm(input: Tensor, keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def nuclear_norm(input: Tensor, dim: _int | Sequence[_int] | str, keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def ones(size: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def ones(*size: _int, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def ones_like(input: Tensor, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., requires_grad: _bool = ...) -> Tensor: ...
def orgqr(input: Tensor, input2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def ormqr(input: Tensor, input2: Tensor, input3: Tensor, left: _bool = ..., transpose: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def pairwise_distance(x1: Tensor, x2: Tensor, p: _float = ..., eps: _float = ..., keepdim: _bool = ...) -> Tensor: ...
def pca_lowrank(A: Tensor, q: _int | None = ..., center: _bool = ..., niter: _int = ...) -> tuple[Tensor, Tensor, Tensor]: ...
def pdist(input: Tensor, p: _float = ...) -> Tensor: ...
@overload
def permute(input: Tensor, dims: _int | Sequence[_int]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def permute(input: Tensor, *dims: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def permute_copy(input: Tensor, dims: _int | Sequence[_int], *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def permute_copy(input: Tensor, *dims: _int, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def pinverse(input: Tensor, rcond: _float = ...) -> Tensor: ...
def pixel_shuffle(input: Tensor, upscale_factor: _int) -> Tensor: ...
def pixel_unshuffle(input: Tensor, downscale_factor: _int) -> Tensor: ...
def poisson(input: Tensor, generator: _Generator | None = ...) -> Tensor: ...
def poisson_nll_loss(input: Tensor, target: Tensor, log_input: _bool, full: _bool, eps: _float, reduction: _int) -> Tensor: ...
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def polygamma(n: _int, input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def positive(input: Tensor) -> Tensor: ...
@overload
def pow(input: Tensor, exponent: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def pow(input: Tensor, exponent: Number, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def pow(input: Number, exponent: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def prelu(input: Tensor, weight: Tensor) -> Tensor: ...
@overload
def prod(input: Tensor, *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def prod(input: Tensor, dim: _int | str, keepdim: _bool = ..., *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: _bool = ...) -> Tensor: ...
def qr(input: Tensor, some: _bool = ..., *, out: Tensor | None = ...) -> _qr_result: ...
@overload
def quantile(input: Tensor, q: Tensor, dim: _int | str | None = ..., keepdim: _bool = ..., *, interpolation: str = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def quantile(input: Tensor, q: _float, dim: _int | str | None = ..., keepdim: _bool = ..., *, interpolation: str = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def rad2deg(input: Tensor) -> Tensor: ...
@overload
def rand(size: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def rand(*size: _int, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def rand(size: _int | Sequence[_int], *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def rand(*size: _int, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def rand_like(input: Tensor, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def rand_like(input: Tensor, *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint(high: _int, size: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint(high: _int, *size: _int, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint(high: _int, size: _int | Sequence[_int], *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint(high: _int, *size: _int, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint(low: _int, high: _int, size: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint(low: _int, high: _int, size: _int | Sequence[_int], *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint_like(input: Tensor, high: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint_like(input: Tensor, high: Tensor, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint_like(input: Tensor, low: _int, high: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint_like(input: Tensor, high: _int, *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint_like(input: Tensor, high: Tensor, *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randint_like(input: Tensor, low: _int, high: _int, *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randn(size: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randn(*size: _int, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randn(size: _int | Sequence[_int], *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randn(*size: _int, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randn_like(input: Tensor, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randn_like(input: Tensor, *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randperm(n: _int, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def randperm(n: _int, *, generator: _Generator | None, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def range(start: Number, end: Number, step: Number = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def range(start: Number, end: Number, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., out: Tensor | None = ..., requires_grad: _bool = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def ravel(input: Tensor) -> Tensor: ...
def real(input: Tensor) -> Tensor: ...
def reciprocal(input: Tensor) -> Tensor: ...
def relu(input: Tensor) -> Tensor: ...
def remainder(input: Tensor, other: Tensor | Number) -> Tensor: ...
def renorm(input: Tensor, p: Number, dim: _int | str, maxnorm: Number, *, out: Tensor | None = ...) -> Tensor: ...
@overload
def repeat_interleave(input: Tensor, repeats: Tensor, dim: _int | str | None = ..., *, output_size: _int | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def repeat_interleave(repeats: Tensor, *, output_size: _int | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def repeat_interleave(input: Tensor, repeats: _int, dim: _int | str | None = ..., *, output_size: _int | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def reshape(input: Tensor, shape: _int | Sequence[_int]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def reshape(input: Tensor, *shape: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def resolve_conj(input: Tensor) -> Tensor: ...
def resolve_neg(input: Tensor) -> Tensor: ...
def rms_norm(input: Tensor, normalized_shape: _int | Sequence[_int], weight: Tensor | None = ..., eps: _float | None = ...) -> Tensor: ...
def roll(input: Tensor, shifts: _int | Sequence[_int], dims: _int | Sequence[_int] = ...) -> Tensor: ...
def rot90(input: Tensor, k: _int = ..., dims: _int | Sequence[_int] = ...) -> Tensor: ...
@overload
def round(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def round(input: Tensor, *, decimals: _int, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def row_stack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
def rrelu(input: Tensor, lower: Number = ..., upper: Number = ..., training: _bool = ..., generator: _Generator | None = ...) -> Tensor: ...
def rsqrt(input: Tensor) -> Tensor: ...
def rsub(input: Tensor, other: Tensor | Number, alpha: Number = ...) -> Tensor: ...
def scalar_tensor(s: Number, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ...) -> Tensor: ...
@overload
def scatter(input: Tensor, dim: _int | str, index: Tensor, value: Number, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def scatter(input: Tensor, dim: _int | str, index: Tensor, src: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def scatter(input: Tensor, dim: _int | str, index: Tensor, src: Tensor, *, reduce: str, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def scatter(input: Tensor, dim: _int | str, index: Tensor, value: Number, *, reduce: str, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def scatter_add(input: Tensor, dim: _int | str, index: Tensor, src: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def scatter_reduce(input: Tensor, dim: _int | str, index: Tensor, src: Tensor, reduce: str, *, include_self: _bool = ..., out: Tensor | None = ...) -> Tensor: ...
@overload
def searchsorted(sorted_sequence: Tensor, input: Tensor, *, out_int32: _bool = ..., right: _bool = ..., side: str | None = ..., sorter: Tensor | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def searchsorted(sorted_sequence: Tensor, input: Number, *, out_int32: _bool = ..., right: _bool = ..., side: str | None = ..., sorter: Tensor | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def segment_reduce(data: Tensor, reduce: str, *, lengths: Tensor | None = ..., indices: Tensor | None = ..., offsets: Tensor | None = ..., axis: _int | str = ..., unsafe: _bool = ..., initial: Number | None = ...) -> Tensor: ...
def select(input: Tensor, dim: _int | str, index: _int) -> Tensor: ...
def select_copy(input: Tensor, dim: _int | str, index: _int, *, out: Tensor | None = ...) -> Tensor: ...
def select_scatter(input: Tensor, src: Tensor, dim: _int | str, index: _int) -> Tensor: ...
def selu(input: Tensor) -> Tensor: ...
def sgn(input: Tensor) -> Tensor: ...
def sigmoid(input: Tensor) -> Tensor: ...
def sign(input: Tensor) -> Tensor: ...
def signbit(input: Tensor) -> Tensor: ...
def sin(input: Tensor) -> Tensor: ...
def sinc(input: Tensor) -> Tensor: ...
def sinh(input: Tensor) -> Tensor: ...
def slice_copy(input: Tensor, dim: _int | str = ..., start: _int | None = ..., end: _int | None = ..., step: _int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def slice_scatter(input: Tensor, src: Tensor, dim: _int | str = ..., start: _int | None = ..., end: _int | None = ..., step: _int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def slogdet(input: Tensor, *, out: Tensor | None = ...) -> _slogdet_result: ...
def softmax(input: Tensor, dim: _int | str, dtype: _dtype | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
@overload
def sort(input: Tensor, dim: _int | str = ..., descending: _bool = ..., *, out: Tensor | None = ...) -> _sort_result: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def sort(input: Tensor, *, stable: _bool | None, dim: _int | str = ..., descending: _bool = ..., out: Tensor | None = ...) -> _sort_result: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def split(input: Tensor, split_size: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def split(input: Tensor, split_size: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def split(input: Tensor, split_size_or_sections: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def split(input: Tensor, split_size_or_sections: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def split_copy(input: Tensor, split_size: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def split_copy(input: Tensor, split_size: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def split_copy(input: Tensor, split_size_or_sections: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def split_copy(input: Tensor, split_size_or_sections: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def split_with_sizes(input: Tensor, split_sizes: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...
def split_with_sizes_copy(input: Tensor, split_sizes: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...
def sqrt(input: Tensor) -> Tensor: ...
def square(input: Tensor) -> Tensor: ...
@overload
def squeeze(input: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def squeeze(input: Tensor, dim: _int | str) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def squeeze(input: Tensor, dim: _int | Sequence[_int] | str) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def squeeze_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def squeeze_copy(input: Tensor, dim: _int | str, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def squeeze_copy(input: Tensor, dim: _int | Sequence[_int] | str, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def stack(tensors: Sequence[Tensor], dim: _int | str = ..., *, out: Tensor | None = ...) -> Tensor: ...
@overload
def std(input: Tensor, unbiased: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def std(input: Tensor, dim: _int | Sequence[_int] | str | None, unbiased: _bool = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def std(input: Tensor, dim: _int | Sequence[_int] | str | None = ..., *, correction: Number | None = ..., keepdim: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def std_mean(input: Tensor, unbiased: _bool = ...) -> tuple[Tensor, Tensor]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def std_mean(input: Tensor, dim: _int | Sequence[_int] | str | None, unbiased: _bool = ..., keepdim: _bool = ...) -> tuple[Tensor, Tensor]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def std_mean(input: Tensor, dim: _int | Sequence[_int] | str | None = ..., *, correction: Number | None = ..., keepdim: _bool = ...) -> tuple[Tensor, Tensor]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def stft(input: Tensor, n_fft: _int, hop_length: _int | None = ..., win_length: _int | None = ..., window: Tensor | None = ..., center: _bool = ..., pad_mode: str = ..., normalized: _bool = ..., onesided: _bool | None = ..., return_complex: _bool | None = ..., align_to_window: _bool | None = ...) -> Tensor: ...
def sub(input: Tensor, other: Tensor | Number, *, alpha: Number = ...) -> Tensor: ...
def subtract(input: Tensor, other: Tensor, *, alpha: Number = ...) -> Tensor: ...
@overload
def sum(input: Tensor, dim: _int | Sequence[_int] | str | None, keepdim: _bool = ..., *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def sum(input: Tensor, *, dtype: _dtype | None = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def svd(input: Tensor, some: _bool = ..., compute_uv: _bool = ..., *, out: Tensor | None = ...) -> _svd_result: ...
def svd_lowrank(A: Tensor, q: _int | None = ..., niter: _int | None = ..., M: Tensor | None = ...) -> tuple[Tensor, Tensor, Tensor]: ...
def swapaxes(input: Tensor, axis0: _int, axis1: _int) -> Tensor: ...
def swapdims(input: Tensor, dim0: _int | str, dim1: _int | str) -> Tensor: ...
def t(input: Tensor) -> Tensor: ...
def t_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def take(input: Tensor, index: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def take_along_dim(input: Tensor, indices: Tensor, dim: _int | str | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
def tan(input: Tensor) -> Tensor: ...
def tanh(input: Tensor) -> Tensor: ...
def tensor(data: Any, *, dtype: _dtype | None = ..., device: DeviceLike | None = ..., requires_grad: _bool = ...) -> Tensor: ...
@overload
def tensor_split(input: Tensor, sections: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def tensor_split(input: Tensor, indices: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def tensor_split(input: Tensor, tensor_indices_or_sections: Tensor, dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def tensordot(a: Tensor, b: Tensor, dims: Any = ..., *, out: Tensor | None = ...) -> Tensor: ...
@overload
def tile(input: Tensor, dims: _int | Sequence[_int]) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def tile(input: Tensor, *dims: _int) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def to_dlpack(tensor: Tensor) -> Any: ...
def topk(input: Tensor, k: _int, dim: _int | str = ..., largest: _bool = ..., sorted: _bool = ..., *, out: Tensor | None = ...) -> _topk_result: ...
def trace(input: Tensor) -> Tensor: ...
def transpose(input: Tensor, dim0: _int | str, dim1: _int | str) -> Tensor: ...
def transpose_copy(input: Tensor, dim0: _int | str, dim1: _int | str, *, out: Tensor | None = ...) -> Tensor: ...
def trapezoid(y: Tensor, x: Tensor | None = ..., *, dx: Number | None = ..., dim: _int | str = ...) -> Tensor: ...
def trapz(y: Tensor, x: Tensor | None = ..., *, dx: Number | None = ..., dim: _int | str = ...) -> Tensor: ...
def triangular_solve(input: Tensor, A: Tensor, upper: _bool = ..., transpose: _bool = ..., unitriangular: _bool = ..., *, out: Tensor | None = ...) -> _triangular_solve_result: ...
def tril(input: Tensor, diagonal: _int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def tril_indices(row: _int, col: _int, offset: _int = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ...) -> Tensor: ...
def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: _float = ..., p: _float = ..., eps: _float = ..., swap: _bool = ..., reduction: _int = ...) -> Tensor: ...
def triu(input: Tensor, diagonal: _int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def triu_indices(row: _int, col: _int, offset: _int = ..., *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ...) -> Tensor: ...
def true_divide(input: Tensor, other: Tensor | Number) -> Tensor: ...
def trunc(input: Tensor) -> Tensor: ...
def unbind(input: Tensor, dim: _int | str = ...) -> tuple[Tensor, ...]: ...
def unbind_copy(input: Tensor, dim: _int | str = ...) -> tuple[Tensor, ...]: ...
def unflatten(input: Tensor, dim: _int | str, sizes: _int | Sequence[_int]) -> Tensor: ...
def unfold_copy(input: Tensor, dimension: _int, size: _int, step: _int, *, out: Tensor | None = ...) -> Tensor: ...
def unique(input: Tensor, sorted: _bool = ..., return_inverse: _bool = ..., return_counts: _bool = ..., dim: _int | str | None = ...) -> Any: ...
def unique_consecutive(input: Tensor, return_inverse: _bool = ..., return_counts: _bool = ..., dim: _int | str | None = ...) -> Any: ...
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]: ...
def unsafe_chunk(input: Tensor, chunks: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...
@overload
def unsafe_split(input: Tensor, split_size: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def unsafe_split(input: Tensor, split_size: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def unsafe_split(input: Tensor, split_size_or_sections: _int, dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def unsafe_split(input: Tensor, split_size_or_sections: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def unsafe_split_with_sizes(input: Tensor, split_sizes: _int | Sequence[_int], dim: _int | str = ...) -> tuple[Tensor, ...]: ...
def unsqueeze(input: Tensor, dim: _int | str) -> Tensor: ...
def unsqueeze_copy(input: Tensor, dim: _int | str, *, out: Tensor | None = ...) -> Tensor: ...
def vander(x: Tensor, N: _int | None = ..., increasing: _bool = ...) -> Tensor: ...
@overload
def var(input: Tensor, unbiased: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def var(input: Tensor, dim: _int | Sequence[_int] | str | None, unbiased: _bool = ..., keepdim: _bool = ..., *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def var(input: Tensor, dim: _int | Sequence[_int] | str | None = ..., *, correction: Number | None = ..., keepdim: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def var_mean(input: Tensor, unbiased: _bool = ...) -> tuple[Tensor, Tensor]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def var_mean(input: Tensor, dim: _int | Sequence[_int] | str | None, unbiased: _bool = ..., keepdim: _bool = ...) -> tuple[Tensor, Tensor]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def var_mean(input: Tensor, dim: _int | Sequence[_int] | str | None = ..., *, correction: Number | None = ..., keepdim: _bool = ...) -> tuple[Tensor, Tensor]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def view_as_complex(input: Tensor) -> Tensor: ...
def view_as_complex_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def view_as_real(input: Tensor) -> Tensor: ...
def view_as_real_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
@overload
def view_copy(input: Tensor, size: _int | Sequence[_int], *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def view_copy(input: Tensor, *size: _int, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def view_copy(input: Tensor, dtype: _dtype, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def vsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def vsplit(input: Tensor, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
@overload
def where(condition: Tensor, input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def where(condition: Tensor, input: Number, other: Tensor) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def where(condition: Tensor, input: Tensor, other: Number) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def where(condition: Tensor, input: Number, other: Number) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def xlogy(input: Tensor, other: Tensor | Number) -> Tensor: ...
@overload
def zeros(size: _int | Sequence[_int], *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
@overload
def zeros(*size: _int, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., requires_grad: _bool = ..., out: Tensor | None = ...) -> Tensor: ...  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]
def zeros_like(input: Tensor, *, dtype: _dtype | None = ..., layout: _layout | None = ..., device: DeviceLike | None = ..., pin_memory: _bool | None = ..., memory_format: _memory_format | None = ..., requires_grad: _bool = ...) -> Tensor: ...
def __getattr__(name: str) -> Any: ...
