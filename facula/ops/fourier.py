"""Discrete Fourier transforms: torch.fft, in terms of three transforms that launches compute.

Complex to complex, real to complex and complex to real are torch's own three, with its scalings.
The rest is arguments: sizes to pad or cut to, dims, and which way a norm scales.
"""

from facula.dispatch import dtype_word
from facula.launch import fourier
from facula.launch.fourier import BY_ROOT, BY_SIZE, UNSCALED
from facula.meta import dtype as dtypes
from facula.meta.shape import wrap_dim
from facula.op import composite, operation, registry

# --- the three transforms ------------------------------------------------------------------------


@operation("transform_complex(Tensor self, int[] dim, int normalization, bool forward) -> Tensor")
def transform_complex(self, dim, normalization, forward):
    """Complex numbers to complex numbers."""
    return fourier.complex_to_complex(self, dim, normalization, forward)


@transform_complex.gradient
def _(g, dim, normalization, forward):
    return registry["transform_complex"].function(g, dim, normalization, not forward)


@operation("transform_real(Tensor self, int[] dim, int normalization, bool onesided) -> Tensor")
def transform_real(self, dim, normalization, onesided):
    """Real numbers to complex ones: all, or the first half, which determines the others."""
    return fourier.real_to_complex(self, dim, normalization, onesided)


@transform_real.gradient
def _(g, self_form, dim, normalization, onesided):
    if onesided:
        last = dim[-1]
        g = _resized(g, (self_form.shape[last],), (last,))
    whole = registry["transform_complex"].function(g, dim, normalization, False)
    return registry["real"].function(whole)


@operation("transform_to_real(Tensor self, int[] dim, int normalization, int last_dim_size) "
           "-> Tensor")
def transform_to_real(self, dim, normalization, last_dim_size):
    """The first half of numbers with conjugate symmetry to the real ones they come from."""
    return fourier.complex_to_real(self, dim, normalization, last_dim_size)


@transform_to_real.gradient
def _(g, self_form, dim, normalization):
    made = registry["transform_real"].function(g, dim, normalization, True)
    # All but the first number, and the middle one of an even size, stand for their twins as well.
    last = dim[-1]
    twins = g.form.shape[last] - self_form.shape[last]
    if twins <= 0:
        return made
    cat = registry["cat"].function
    rest = self_form.shape[last] - 1 - twins
    parts = [made.narrow(last, 0, 1), made.narrow(last, 1, twins) * 2]
    return cat([*parts, made.narrow(last, 1 + twins, rest)] if rest else parts, last)


for _one in (transform_complex, transform_real, transform_to_real):
    _one.conjugates = False
    _one.namespace, _one.method = "internal", False
transform_complex.node_name = "FftC2CBackward0"
transform_real.node_name = "FftR2CBackward0"
transform_to_real.node_name = "FftC2RBackward0"

# --- arguments -----------------------------------------------------------------------------------

FORWARDS = {None: UNSCALED, "backward": UNSCALED, "ortho": BY_ROOT, "forward": BY_SIZE}
BACKWARDS = {None: BY_SIZE, "backward": BY_SIZE, "ortho": BY_ROOT, "forward": UNSCALED}


def _scaling(norm, forwards):
    table = FORWARDS if forwards else BACKWARDS
    if norm not in table:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return table[norm]


def _promoted(x, to_complex):
    """Integers as the default dtype; real numbers as complex ones if so wanted."""
    kind = x.form.dtype
    if kind.kind not in "fc":
        kind = dtypes.get_default_dtype()
    if kind not in (dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128):
        raise RuntimeError(f"Unsupported dtype {dtype_word(kind)}")
    if to_complex:
        kind = kind.to_complex()
    return x if x.form.dtype is kind else registry["convert"].function(x, kind)


def _resized(x, sizes, dims):
    """Numbers beyond the sizes cut off, zeros where there are too few."""
    for size, dim in zip(sizes, dims, strict=True):
        present = x.form.shape[dim]
        if size < present:
            x = x.narrow(dim, 0, size)
        elif size > present:
            shape = list(x.form.shape)
            shape[dim] = size - present
            x = registry["cat"].function([x, x.new_zeros(tuple(shape))], dim)
    return x


def _one_dim(x, n, dim, default=None):
    """The dim and its size, checked as torch checks them."""
    dim = wrap_dim(dim, x.form.ndim) if x.form.ndim else _no_dim(dim)
    size = n if n is not None else (x.form.shape[dim] if default is None else default(dim))
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    return size, dim


def _no_dim(dim):
    raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")


def _several(x, s, dim):
    """Sizes and dims of a transform along several dims."""
    ndim = x.form.ndim
    if isinstance(dim, int):
        dim = (dim,)
    if isinstance(s, int):
        s = (s,)
    if dim is not None:
        dims = [wrap_dim(d, ndim) if ndim else _no_dim(d) for d in dim]
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique")
        if s is not None and len(s) != len(dims):
            raise RuntimeError(
                "When given, dim and shape arguments must have the same length"
            )
    elif s is not None:
        if len(s) > ndim:
            raise RuntimeError(
                f"Got shape with {len(s)} values but input tensor only has {ndim} dimensions."
            )
        dims = list(range(ndim - len(s), ndim))
    else:
        dims = list(range(ndim))
    sizes = [x.form.shape[d] for d in dims]
    if s is not None:
        sizes = [present if n == -1 else n for n, present in zip(s, sizes, strict=True)]
    for n in sizes:
        if n < 1:
            raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return sizes, dims


def _real_only(name, x):
    if x.form.dtype.is_complex:
        word = dtype_word(x.form.dtype)
        raise RuntimeError(
            f"{name} expects a real input tensor, but got {word}" if name[-1] == "t"
            else f"rfftn expects a real-valued input tensor, but got {word}" if name[0] == "r"
            else f"Only supports floating-point dtypes, but found: {word}"
        )


# --- one dim -------------------------------------------------------------------------------------


def _single(x, n, dim, norm, forwards):
    x = _promoted(x, False)
    size, dim = _one_dim(x, n, dim)
    x = _resized(x, (size,), (dim,))
    scaling = _scaling(norm, forwards)
    if x.form.dtype.is_complex:
        return registry["transform_complex"].function(x, (dim,), scaling, forwards)
    y = registry["transform_real"].function(x, (dim,), scaling, False)
    return y if forwards else y.conj()


@composite("fft_fft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None, *, "
           "Tensor(a!)? out=None) -> Tensor")
def fft_fft(self, n=None, dim=-1, norm=None):
    """The discrete Fourier transform along a dim, cut or padded with zeros to n.

    self (*, m, *), real or complex, result (*, n, *), complex; n is m where not given. `norm`:
    "backward", "forward" or "ortho" says which direction is divided by n or sqrt(n). Raises
    RuntimeError for n < 1.

    >>> import facula as torch
    >>> torch.fft.fft(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])
    """
    return _single(self, n, dim, norm, True)


@composite("fft_ifft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None, *, "
           "Tensor(a!)? out=None) -> Tensor")
def fft_ifft(self, n=None, dim=-1, norm=None):
    """The inverse of fft.

    self (*, m, *), real or complex, result (*, n, *), complex; n is m where not given. `norm`:
    "backward", "forward" or "ortho" says which direction is divided by n or sqrt(n). Raises
    RuntimeError for n < 1.
    """
    return _single(self, n, dim, norm, False)


def _to_half(name, x, n, dim, norm, forwards):
    _real_only(name, x)
    x = _promoted(x, False)
    size, dim = _one_dim(x, n, dim)
    x = _resized(x, (size,), (dim,))
    y = registry["transform_real"].function(x, (dim,), _scaling(norm, forwards), True)
    return y if forwards else y.conj()


@composite("fft_rfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None, *, "
           "Tensor(a!)? out=None) -> Tensor")
def fft_rfft(self, n=None, dim=-1, norm=None):
    """The first half of the transform of real numbers; the rest are its conjugates.

    self (*, m, *), real, result (*, n // 2 + 1, *), complex; n is m where not given. Raises
    RuntimeError for complex input or n < 1.
    """
    return _to_half("rfft", self, n, dim, norm, True)


@composite("fft_ihfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None, *, "
           "Tensor(a!)? out=None) -> Tensor")
def fft_ihfft(self, n=None, dim=-1, norm=None):
    """The inverse of hfft: the first half of a signal whose transform is real.

    self (*, m, *), real, result (*, n // 2 + 1, *), complex; n is m where not given. Raises
    RuntimeError for complex input or n < 1.
    """
    return _to_half("ihfft", self, n, dim, norm, False)


def _from_half(x, n, dim, norm, forwards):
    x = _promoted(x, True)
    size, dim = _one_dim(x, n, dim, lambda d: 2 * (x.form.shape[d] - 1))
    x = _resized(x, (size // 2 + 1,), (dim,))
    x = x.conj() if forwards else x
    return registry["transform_to_real"].function(x, (dim,), _scaling(norm, forwards), size)


@composite("fft_irfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None, *, "
           "Tensor(a!)? out=None) -> Tensor")
def fft_irfft(self, n=None, dim=-1, norm=None):
    """The inverse of rfft: n real numbers (by default an even number) from their first half.

    self (*, m, *), half of a spectrum, result (*, n, *), real; n is 2 (m - 1) where not given.
    Raises RuntimeError for n < 1.
    """
    return _from_half(self, n, dim, norm, False)


@composite("fft_hfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None, *, "
           "Tensor(a!)? out=None) -> Tensor")
def fft_hfft(self, n=None, dim=-1, norm=None):
    """The real transform of a signal given by its first half, the rest being its conjugates.

    self (*, m, *), half of a spectrum, result (*, n, *), real; n is 2 (m - 1) where not given.
    Raises RuntimeError for n < 1.
    """
    return _from_half(self, n, dim, norm, True)


# --- several dims --------------------------------------------------------------------------------


def _n(x, s, dim, norm, forwards):
    sizes, dims = _several(x, s, dim)
    x = _resized(_promoted(x, True), sizes, dims)
    if not dims:
        return x.clone()
    return registry["transform_complex"].function(
        x, tuple(dims), _scaling(norm, forwards), forwards
    )


def _to_half_n(name, x, s, dim, norm, forwards):
    _real_only(name, x)
    sizes, dims = _several(x, s, dim)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    x = _resized(_promoted(x, False), sizes, dims)
    scaling = _scaling(norm, forwards)
    if forwards:
        return registry["transform_real"].function(x, tuple(dims), scaling, True)
    half = registry["transform_real"].function(x, (dims[-1],), scaling, True).conj()
    if len(dims) == 1:
        return half
    return registry["transform_complex"].function(half, tuple(dims[:-1]), scaling, False)


def _from_half_n(name, x, s, dim, norm, forwards):
    sizes, dims = _several(x, s, dim)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    if s is None or (s if isinstance(s, int) else s[-1]) == -1:
        sizes[-1] = 2 * (x.form.shape[dims[-1]] - 1)
    size = sizes[-1]
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    x = _resized(_promoted(x, True), [*sizes[:-1], size // 2 + 1], dims)
    scaling = _scaling(norm, forwards)
    if forwards and len(dims) > 1:
        x = registry["transform_complex"].function(x, tuple(dims[:-1]), scaling, True)
    if forwards:
        dims, x = dims[-1:], x.conj()
    return registry["transform_to_real"].function(x, tuple(dims), scaling, size)


def _pair(name, run, doc):
    """The records of a transform along several dims: all of them, and by default the last two."""
    inner = name.removeprefix("fft_")

    @composite(f"{name}n(Tensor self, SymInt[1]? s=None, int[1]? dim=None, str? norm=None, *, "
               "Tensor(a!)? out=None) -> Tensor", doc)
    def over_n(self, s=None, dim=None, norm=None):
        return run(f"{inner}n", self, s, dim, norm)

    @composite(f"{name}2(Tensor self, SymInt[1]? s=None, int[1] dim=[-2, -1], str? norm=None, *, "
               "Tensor(a!)? out=None) -> Tensor", f"{doc[:-1]}, by default the last two.")
    def over_two(self, s=None, dim=(-2, -1), norm=None):
        return run(f"{inner}2", self, s, dim, norm)


_pair("fft_fft", lambda name, x, s, dim, norm: _n(x, s, dim, norm, True),
      "As many complex numbers: the discrete Fourier transform along some dims.")
_pair("fft_ifft", lambda name, x, s, dim, norm: _n(x, s, dim, norm, False),
      "As many complex numbers: the inverse of fftn along some dims.")
_pair("fft_rfft", lambda name, x, s, dim, norm: _to_half_n(name, x, s, dim, norm, True),
      "n // 2 + 1 of n along the last dim: the transform of real numbers along some dims.")
_pair("fft_irfft", lambda name, x, s, dim, norm: _from_half_n(name, x, s, dim, norm, False),
      "2 (m - 1) of m along the last dim, or as s says: the inverse of rfftn along some dims.")
_pair("fft_hfft", lambda name, x, s, dim, norm: _from_half_n(name, x, s, dim, norm, True),
      "The real transform of a signal given by its first half along the last of some dims.")
_pair("fft_ihfft", lambda name, x, s, dim, norm: _to_half_n(name, x, s, dim, norm, False),
      "The inverse of hfftn along some dims.")

# --- frequencies ---------------------------------------------------------------------------------


def _spaced(counts, n, d, out, dtype, requires_grad):
    kind = dtype or dtypes.get_default_dtype()
    if kind.kind not in "fc":
        raise RuntimeError("fftfreq requires a floating point or complex dtype")
    y = registry["cat"].function([registry["arange"].function(*c) for c in counts]).to(kind)
    y = y * (1.0 / (n * d))
    if out is not None:
        return out.resize_(y.form.shape).copy_(y)
    return y.requires_grad_() if requires_grad else y


@composite("fft_fftfreq(SymInt n, float d=1.0, *, ScalarType? dtype=None, Layout? layout=None, "
           "Device? device=None, bool? pin_memory=None) -> Tensor")
def fft_fftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """The frequencies of fft's results for samples d apart: in Hz if d is in seconds; (n,)."""
    return _spaced([(0, (n + 1) // 2), (-(n // 2), 0)], n, d, out, dtype, requires_grad)


@composite("fft_rfftfreq(SymInt n, float d=1.0, *, ScalarType? dtype=None, Layout? layout=None, "
           "Device? device=None, bool? pin_memory=None) -> Tensor")
def fft_rfftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """The frequencies of rfft's results for samples d apart: in Hz if d is in seconds;
    (n // 2 + 1,)."""
    return _spaced([(0, n // 2 + 1)], n, d, out, dtype, requires_grad)


def _rolled(x, dim, back):
    """The numbers moved round by half of every dim."""
    if dim is None:
        dims = list(range(x.form.ndim))
    else:
        given = (dim,) if isinstance(dim, int) else dim
        dims = [wrap_dim(d, x.form.ndim) for d in given]
    if not dims:
        return x.clone()
    sizes = [x.form.shape[d] for d in dims]
    shifts = [(n + 1) // 2 if back else n // 2 for n in sizes]
    return registry["roll"].function(x, tuple(shifts), tuple(dims))


@composite("fft_fftshift(Tensor self, int[1]? dim=None) -> Tensor")
def fft_fftshift(self, dim=None):
    """The frequency 0 moved to the middle.

    The result has the shape of self. Raises IndexError for a dim that is not there.
    """
    return _rolled(self, dim, False)


@composite("fft_ifftshift(Tensor self, int[1]? dim=None) -> Tensor")
def fft_ifftshift(self, dim=None):
    """The inverse of fftshift.

    The result has the shape of self. Raises IndexError for a dim that is not there.
    """
    return _rolled(self, dim, True)
