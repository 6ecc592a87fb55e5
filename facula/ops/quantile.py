"""Quantiles: the elements below which a share of the others lies."""

from facula.meta import dtype as dtypes
from facula.meta.shape import wrap_dim
from facula.op import composite, registry
from facula.tensor import Tensor

WAYS = ("linear", "lower", "higher", "midpoint", "nearest")
LARGEST = 16_000_000


def _check(name, x, q, interpolation):
    if x.form.numel == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if q.form.ndim > 1:
        raise RuntimeError(
            f"{name}() q must be a scalar or 1D tensor"
        )
    if x.form.kind not in ("f32", "f64"):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if q.form.dtype is not x.form.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if interpolation not in WAYS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but"
            f" got {interpolation}"
        )
    if bool(((q < 0) | (q > 1)).any()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")


def _quantile(name, x, q, dim, keepdim, interpolation, ignore_nan):
    """PyTorch's steps: sort, rank, take the neighbours of the rank, go between them."""
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {float(q):g}")
        q = registry["tensor"].function(float(q), dtype=x.form.dtype)
    _check(name, x, q, interpolation)
    ndim = x.form.ndim
    if dim is None:
        rows = x.reshape(-1)
        kept = (1,) * ndim if keepdim else ()
    else:
        dim = wrap_dim(dim, max(ndim, 1))
        rows = x.reshape(1) if ndim == 0 else x.movedim(dim, -1)
        kept = tuple(1 if d == dim else n for d, n in enumerate(x.form.shape)) if keepdim else (
            tuple(n for d, n in enumerate(x.form.shape) if d != dim)
        )
    if rows.form.shape[-1] > LARGEST:
        raise RuntimeError(f"{name}() input tensor is too large")
    ordered = rows.sort(-1)[0]
    last = ordered.form.shape[-1] - 1
    missing = ordered != ordered
    share = q.reshape(-1)
    if ignore_nan:
        ranks = share * ((~missing).sum(-1, keepdim=True) - 1)
        ranks = ranks.masked_fill(ranks < 0, 0)
    else:
        ranks = (share * last).expand(*ordered.form.shape[:-1], share.form.numel)
        ranks = ranks.masked_fill(missing.any(-1, keepdim=True), last)
    ranks = ranks.to(x.form.dtype)
    if interpolation in ("lower", "higher", "nearest"):
        turn = {"lower": "floor", "higher": "ceil", "nearest": "round"}[interpolation]
        y = ordered.gather(-1, registry[turn].function(ranks).to(dtypes.int64))
    else:
        below = ranks.detach().to(dtypes.int64)
        low = ordered.gather(-1, below)
        high = ordered.gather(-1, ranks.detach().ceil().to(dtypes.int64))
        between = ranks - below if interpolation == "linear" else (
            registry["full_like"].function(ranks, 0.5)
        )
        y = low.lerp(high, between)
    if q.form.ndim == 0:
        return y.squeeze(-1).reshape(kept)
    return y.reshape((*kept, q.form.numel)).movedim(-1, 0)


def _record(name, ignore_nan, words):
    @composite(
        (f"{name}(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, "
         "str interpolation='linear', Tensor(a!)? out=None) -> Tensor",
         f"{name}.scalar(Tensor self, float q, int? dim=None, bool keepdim=False, *, "
         "str interpolation='linear', Tensor(a!)? out=None) -> Tensor"),
        words,
    )  # fmt: skip
    def quantile(self, q, dim=None, keepdim=False, *, interpolation="linear"):
        return _quantile(name, self, q, dim, keepdim, interpolation, ignore_nan)


_record("quantile", False, "The elements below which a share q (a number, or several in a vector) "
        "of the others lies, along a dim or of all; between two neighbours as `interpolation` "
        "says: linear, lower, higher, midpoint or nearest. NaN where there is one.")
_record("nanquantile", True, "The quantiles of the elements that are not NaN; as `quantile`.")

# torch's name of what refuses named dimensions (Note [named tensors]).
for _name in ("quantile", "nanquantile"):
    registry[_name].names("sort")
