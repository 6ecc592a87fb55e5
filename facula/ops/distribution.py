"""Draws from distributions: Bernoulli, exponential, Cauchy, geometric, multinomial.

The checks and their order are PyTorch's. Note [random streams].
"""

import math

from facula.dispatch import check_out, dtype_word
from facula.dispatch.parts import refuse_complex
from facula.launch.sampling import (
    C_NAMES,
    CAUCHY,
    EXPONENTIAL,
    GEOMETRIC,
    born,
    fill_categories,
    fill_chance,
    fill_chances,
    fill_formula,
    not_for,
    shown,
    source_of,
    write,
)
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.op import composite, operation, registry
from facula.tensor import Tensor


@composite(
    (
        "bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> "
        "Tensor(a!)",
        "bernoulli_.Tensor(Tensor(a!) self, Tensor p, *, Generator? generator=None) -> Tensor(a!)",
    )
)
def bernoulli_(self, p=0.5, *, generator=None):
    """Every element becomes 1 with probability p, else 0.

    self keeps its shape; numbers come from `generator` or the default one. Raises RuntimeError for
    parameters that no such distribution has.
    """
    refuse_complex(self, "\"bernoulli_scalar_cpu_\" not implemented for '{}'")
    fill = fill_chances if isinstance(p, Tensor) else fill_chance
    return write(self, fill, p, source_of("bernoulli_", generator))


@operation(
    (
        "bernoulli(Tensor self, *, Generator? generator=None) -> Tensor",
        "bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor",
        "bernoulli.Tensor(Tensor self, Tensor p, *, Generator? generator=None) -> Tensor",
    )
)
def bernoulli(self, p=None, *, generator=None, out=None):
    """1 with the probability that stands in each element, else 0; or with probability p."""
    y = born("bernoulli", tuple(self.form.shape), out, None, self.form.dtype, None, None, False)
    source = source_of("bernoulli", generator)
    if p is None:
        p = self
    (fill_chances if isinstance(p, Tensor) else fill_chance)(y, p, source)
    return y


@bernoulli.gradient
def _(g):
    return registry["zeros_like"].function(g)


def _check_continuous(distribution, dtype, name):
    if not dtype.is_floating_point:
        raise RuntimeError(
            f"{distribution} distribution is a continuous probability distribution. dtype must be "
            f"a floating point but you specified {name}"
        )


@composite(
    "exponential_(Tensor(a!) self, float lambd=1., *, Generator? generator=None) -> Tensor(a!)"
)
def exponential_(self, lambd=1.0, *, generator=None):
    """Every element becomes exponential with a rate.

    self keeps its shape; numbers come from `generator` or the default one. Raises RuntimeError for
    parameters that no such distribution has.
    """
    if self.form.numel:
        _check_continuous("Exponential", self.form.dtype, dtype_word(self.form.dtype))
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={shown(lambd)}")
    return write(self, fill_formula, EXPONENTIAL, lambd, 0.0, source_of("exponential_", generator))


@composite(
    "cauchy_(Tensor(a!) self, float median=0., float sigma=1., *, Generator? generator=None) -> "
    "Tensor(a!)"
)
def cauchy_(self, median=0.0, sigma=1.0, *, generator=None):
    """Every element becomes Cauchy with a median and a half width.

    self keeps its shape; numbers come from `generator` or the default one. Raises RuntimeError for
    parameters that no such distribution has.
    """
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={shown(sigma)}")
    name = {"i64": "long int"}.get(self.form.kind, C_NAMES.get(self.form.kind, ""))
    _check_continuous("Cauchy", self.form.dtype, name)
    return write(self, fill_formula, CAUCHY, median, sigma, source_of("cauchy_", generator))


@composite("geometric_(Tensor(a!) self, float p, *, Generator? generator=None) -> Tensor(a!)")
def geometric_(self, p, *, generator=None):
    """Every element becomes the number of trials up to the first success, each of probability p.

    self keeps its shape; numbers come from `generator` or the default one. Raises RuntimeError for
    parameters that no such distribution has.
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={shown(p)}")
    refuse_complex(self, "\"geometric_cpu\" not implemented for '{}'")
    if self.form.numel and self.form.dtype is dtypes.bool_:
        raise not_for("geometric_cpu", self.form.dtype)
    return write(self, fill_formula, GEOMETRIC, p, 0.0, source_of("geometric_", generator))


@composite(
    "multinomial(Tensor self, SymInt num_samples, bool replacement=False, *, Generator? "
    "generator=None) -> Tensor"
)
def multinomial(self, num_samples, replacement=False, *, generator=None, out=None):
    """Numbers of categories, drawn with the probabilities (or weights) of a row, a row of them for
    each row.

    self (n) or (m, n) of weights, result (num_samples) or (m, num_samples), int64. Raises
    RuntimeError for negative weights, rows of zeros, or more draws than weights without
    replacement.
    """
    form = self.form
    if not form.dtype.is_floating_point:
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{dtype_word(form.dtype)}"
        )
    if out is not None:
        check_out("multinomial", (), out)
    if out is not None and out.form.dtype is not dtypes.int64:
        raise RuntimeError(
            f"multinomial expects Long tensor out, got: {dtype_word(out.form.dtype)}"
        )
    if form.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if form.shape[-1] > 2**24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    if not replacement and num_samples > form.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
    shape = (*form.shape[:-1], num_samples)
    y = born("multinomial", shape, out, None, dtypes.int64, None, None, False)
    source = source_of("multinomial", generator)
    if y.form.numel == 0:
        return y
    if replacement and num_samples > 1:
        return fill_categories(self.detach().contiguous(), y, num_samples, source)
    return y.copy_(_largest_race(self.detach(), num_samples, source))


def _largest_race(weights, count, source):
    """Exponential races: the categories with the largest weight / exponential come first."""
    if not (float(weights.amax()) < math.inf and float(weights.amin()) >= 0):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if bool((weights.sum(-1) == 0).any()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    race = registry["empty_like"].function(weights)  # filled in the order of its memory
    fill_formula(race, EXPONENTIAL, 1.0, 0.0, source)
    race = weights / race
    if count == 1:
        return race.argmax(-1, keepdim=True)
    return race.topk(count)[1]

# The dims of what is drawn in place are called as before (Note [named tensors]).
for _key in ("bernoulli", "bernoulli_", "exponential_", "cauchy_", "geometric_"):
    registry[_key].names(names.same)
