"""Short-time Fourier transforms: of windows of a signal, which overlap.

`stft` cuts and transforms; `istft` transforms back and adds up (Griffin and Lim, "Signal Estimation
from Modified Short-Time Fourier Transform", 1984).
"""

import warnings

from facula.dispatch import dtype_word
from facula.launch.fourier import BY_ROOT, BY_SIZE, UNSCALED
from facula.op import composite, registry

# --- words ---------------------------------------------------------------------------------------


def _shown(tensor):
    return f"torch.{dtype_word(tensor.form.dtype)}Tensor{{{list(tensor.form.shape)}}}"


def _quoted(name, window, head, settings):
    """The call as torch's messages quote it."""
    words = [f"{key}={'None' if v is None else v + 0}" for key, v in settings.items()]
    place = next(k for k, word in enumerate(words) if word.startswith("win_length")) + 1
    words.insert(place, f"window={'None' if window is None else _shown(window)}")
    return f"{name}({', '.join([head, *words])})"


# --- padding -------------------------------------------------------------------------------------


def _padded(x, pad, mode):
    """The last dim made longer on both sides."""
    size = x.form.shape[-1]
    if mode == "constant":
        return registry["constant_pad_nd"].function(x, (pad, pad))
    if x.form.ndim > 2:
        raise NotImplementedError(
            f"Padding size 2 is not supported for {x.form.ndim}D input tensor."
        )
    extended = [1] * (3 - x.form.ndim) + list(x.form.shape)
    places = list(range(-pad, size + pad))
    if mode == "reflect":
        if pad >= size:
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, "
                f"but got: padding ({pad}, {pad}) at dimension 2 of input {extended}"
            )
        places = [abs(k) if k < size else 2 * (size - 1) - k for k in places]
    elif mode == "replicate":
        places = [min(max(k, 0), size - 1) for k in places]
    elif mode == "circular":
        if pad > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        places = [k % size for k in places]
    else:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    return x.index_select(-1, registry["tensor"].function(places))


def _window_of(window, win_length, n_fft, like, dtype):
    """The window in the middle of n_fft places, ones where none is given."""
    made = window
    if made is None:
        made = like.new_ones((win_length,), dtype=dtype)
    missing = n_fft - win_length
    if missing:
        left = missing // 2
        made = registry["constant_pad_nd"].function(made, (left, missing - left))
    return made


# --- the transforms ------------------------------------------------------------------------------


@composite("stft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, "
           "Tensor? window=None, bool center=True, str pad_mode=\"reflect\", "
           "bool normalized=False, bool? onesided=None, bool? return_complex=None, "
           "bool? align_to_window=None) -> Tensor")
def stft(self, n_fft, hop_length=None, win_length=None, window=None, center=True,
         pad_mode="reflect", normalized=False, onesided=None, return_complex=None,
         align_to_window=None):
    """Fourier transforms of windows of a signal: (batch,) n_fft frequencies, windows.

    `n_fft`, `hop_length` (from window to window, n_fft / 4) and `win_length` count samples;
    `onesided` keeps the first n_fft / 2 + 1 frequencies, all that real signals have.

    >>> import facula as torch
    >>> torch.stft(torch.ones(16), 8, window=torch.ones(8), return_complex=True).shape
    torch.Size([5, 9])
    """
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    x = _padded(self, n_fft // 2, pad_mode) if center else self
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    complex_parts = x.form.dtype.is_complex or (window is not None
                                                and window.form.dtype.is_complex)
    if return_complex is None and not complex_parts:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will "
            "further require that return_complex=True in a future PyTorch release."
        )
    as_complex = True if return_complex is None else return_complex
    settings = {"n_fft": n_fft, "hop_length": hop, "win_length": length, "normalized": normalized,
                "onesided": onesided, "return_complex": as_complex,
                "align_to_window": align_to_window}
    head = f"torch.{dtype_word(x.form.dtype)}Tensor{list(x.form.shape)}"

    def check(holds, words):
        if not holds:
            quoted = _quoted("stft", window, head, settings)
            raise RuntimeError(f"{quoted} : {words}")

    check(x.form.tracked, "expected a tensor of floating point or complex values")
    check(x.form.ndim in (1, 2), "expected a 1D or 2D tensor")
    single = x.form.ndim == 1
    if single:
        x = x.unsqueeze(0)
    size = x.form.shape[1]
    check(0 < n_fft <= size, f"expected 0 < n_fft < {size}, but got n_fft={n_fft}")
    check(hop > 0, f"expected hop_length > 0, but got hop_length={hop}")
    check(0 < length <= n_fft, f"expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None:
        check(
            tuple(window.form.shape) == (length,),
            f"expected a 1D window tensor of size equal to win_length={length}, but got window "
            f"with size {list(window.form.shape)}",
        )
    pieces = x.unfold(-1, n_fft, hop)
    if window is not None or length < n_fft:
        pieces = pieces * _window_of(window, length, n_fft, x, x.form.dtype)
    half = not complex_parts if onesided is None else onesided
    scaling = BY_ROOT if normalized else UNSCALED
    last = (pieces.form.ndim - 1,)
    if complex_parts:
        if half:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        y = registry["transform_complex"].function(
            pieces.to(pieces.form.dtype.to_complex()), last, scaling, True
        )
    else:
        y = registry["transform_real"].function(pieces, last, scaling, half)
    y = y.transpose(1, 2)
    y = y.squeeze(0) if single else y
    return y if as_complex else registry["view_as_real"].function(y)


def _overlapped(pieces, size, hop):
    """Pieces (batch, windows, n) added up at their places in signals of a size."""
    batch, count, n = pieces.form.shape
    arange = registry["arange"].function
    places = (arange(count) * hop).unsqueeze(1) + arange(n)
    flat = pieces.reshape(batch, count * n)
    return pieces.new_zeros((batch, size)).index_add(1, places.reshape(-1), flat)


@composite("istft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, "
           "Tensor? window=None, bool center=True, bool normalized=False, bool? onesided=None, "
           "int? length=None, bool return_complex=False) -> Tensor")
def istft(self, n_fft, hop_length=None, win_length=None, window=None, center=True,
          normalized=False, onesided=None, length=None, return_complex=False):
    """The signal whose stft comes nearest, in the sense of least squares.

    Lengths count samples. Raises RuntimeError where windows do not overlap enough to tell.

    >>> import facula as torch
    >>> x = torch.arange(16.0)
    >>> spectrum = torch.stft(x, 8, window=torch.ones(8), return_complex=True)
    >>> torch.istft(spectrum, 8, window=torch.ones(8)).allclose(x, atol=1e-5)
    True
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    settings = {"n_fft": n_fft, "hop_length": hop, "win_length": win, "center": center,
                "normalized": normalized, "onesided": onesided, "length": length,
                "return_complex": return_complex}
    head = f"CPU{dtype_word(self.form.dtype)}Type{list(self.form.shape)}"
    quoted = _quoted("istft", window, head, settings)

    def check(holds, words):
        if not holds:
            raise RuntimeError(f"{quoted} : {words}")

    if window is None:
        warnings.warn(
            "A window was not provided. A rectangular window will be applied,which is known to "
            "cause spectral leakage. Other windows such as torch.hann_window or "
            "torch.hamming_window are recommended to reduce spectral leakage.To suppress this "
            "warning and use a rectangular window, explicitly set `window=torch.ones(n_fft, "
            "device=<device>)`.",
            UserWarning,
            stacklevel=3,
        )
    if not self.form.dtype.is_complex:
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    check(self.form.numel != 0, "input tensor cannot be empty.")
    ndim = self.form.ndim + 1  # torch counts the parts as a dimension
    check(ndim in (3, 4), f"expected a tensor with 3 or 4 dimensions, but got {ndim}")
    frequencies, count = self.form.shape[-2:]
    size = n_fft + hop * (count - 1)
    half = frequencies != n_fft if onesided is None else onesided
    wanted = "n_fft / 2 + 1" if half else "n_fft"
    check(
        frequencies == (n_fft // 2 + 1 if half else n_fft),
        f"expected the frequency dimension (3rd to the last) of the input tensor to match {wanted} "
        f"when onesided={half}, but got {frequencies}",
    )
    check(0 < hop <= win, "expected 0 < hop_length <= win_length")
    check(0 < win <= n_fft, "expected 0 < win_length <= n_fft")
    if window is not None:
        check(
            tuple(window.form.shape) == (win,),
            "Invalid window shape. window has to be 1D and length of `win_length`",
        )
    real = self.form.dtype.to_real()
    shape_of = _window_of(window, win, n_fft, self, real)
    pieces = (self.unsqueeze(0) if ndim == 3 else self).transpose(1, 2)
    scaling = BY_ROOT if normalized else BY_SIZE
    if return_complex:
        if half:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        pieces = registry["transform_complex"].function(pieces, (2,), scaling, False)
    else:
        if window is not None and window.form.dtype.is_complex:
            raise RuntimeError("Complex windows are incompatible with return_complex=False")
        if not half:
            pieces = pieces.narrow(-1, 0, n_fft // 2 + 1)
        pieces = registry["transform_to_real"].function(pieces, (2,), scaling, n_fft)
    signal = _overlapped(pieces * shape_of, size, hop)
    weights = _overlapped((shape_of * shape_of).expand((1, count, n_fft)), size, hop)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else size - n_fft // 2 if center else size
    kept = max(0, min(end, size) - start)
    signal, weights = signal.narrow(1, start, kept), weights.narrow(1, start, kept)
    lowest = weights.detach().abs().min().item()
    if not lowest > 1e-11:
        raise RuntimeError(f"{quoted} window overlap add min: 1")
    y = signal / weights
    if end > size:
        warnings.warn(
            "The length of signal is shorter than the length parameter. Result is being padded "
            "with zeros in the tail. Please check your center, hop_length and win_length "
            "arguments.",
            UserWarning,
            stacklevel=3,
        )
        y = registry["constant_pad_nd"].function(y, (0, end - size))
    return y.squeeze(0) if ndim == 3 else y
