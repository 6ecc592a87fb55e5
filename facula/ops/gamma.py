"""The gamma function's relatives. In formulas a and x are the inputs, y the result, g the gradient.

The incomplete gamma functions and zeta are words of `facula.kernel.special`. Note [special
functions].
"""

import math

from facula.kernel.scalar import exp, lgamma, log
from facula.kernel.special.gamma import igamma, igammac, zeta
from facula.op import FLOAT, Alias, composite, pointwise, registry

NONE = "the derivative for '{}: input' is not implemented."


def incomplete(name, doc, value, gradient):
    """A record of an incomplete gamma function."""
    pointwise(f"{name}(Tensor self, Tensor other) -> Tensor", FLOAT, doc, value, gradient,
              ).tensors_only = True


incomplete("igamma", "The regularised lower incomplete gamma function P(self, other).",
           lambda a, x: igamma(a, x),
           lambda g, y, a, x: (NONE.format("igamma"),
                               g * exp((a - 1) * log(x) - x - lgamma(a))))
incomplete("igammac", "The regularised upper incomplete gamma function Q(self, other).",
           lambda a, x: igammac(a, x),
           lambda g, y, a, x: (NONE.format("igammac"),
                               -g * exp((a - 1) * log(x) - x - lgamma(a))))

pointwise("polygamma_order(Tensor self, Scalar n, Scalar factor) -> Tensor", FLOAT,
          "factor times zeta(n + 1, x).",
          lambda x, n, factor: zeta(n + 1, x) * factor,
          lambda g, y, x, n, factor: g * (zeta(n + 2, x) * (-(n + 1) * factor)))


def _polygamma(self, n):
    """The records and operands that answer polygamma."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n <= 1:
        return "trigamma" if n else "digamma", (self,)
    size = math.factorial(n) if n <= 170 else math.inf
    return "polygamma_order", (self, float(n), float(size if n % 2 else -size))


def _order_first(n, input):
    """torch.polygamma takes the order first, Tensor.polygamma the tensor."""
    return (n, input) if isinstance(n, int) else (input, n)


@composite("polygamma(int n, Tensor self, *, Tensor(a!)? out=None) -> Tensor")
def polygamma(n, input):
    """The derivative number n of digamma.

    The result has the shape of self. Raises RuntimeError for negative n.

    >>> import facula as torch
    >>> torch.polygamma(2, torch.tensor([1.0]))
    tensor([-2.4041])
    """
    n, input = _order_first(n, input)
    name, operands = _polygamma(input, n)
    return registry[name].function(*operands)


@composite("polygamma_(Tensor(a!) self, int n) -> Tensor(a!)")
def polygamma_(self, n):
    """In-place form of polygamma.

    The result has the shape of self. Raises RuntimeError for negative n.
    """
    name, operands = _polygamma(self, n)
    function = registry[name].inplace_function
    assert function is not None
    return function(*operands)


@composite("mvlgamma(Tensor self, int p, *, Tensor(a!)? out=None) -> Tensor")
def mvlgamma(self, p):
    """The logarithm of the multivariate gamma function of dimension p.

    The result has the shape of self. Raises RuntimeError for p < 1.

    >>> import facula as torch
    >>> torch.mvlgamma(torch.tensor([2.0]), 2)
    tensor([0.4516])
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    x = self if self.form.dtype.is_floating_point else self * 1.0
    halves = registry["arange"].function(-p / 2 + 0.5, 0.5, 0.5, dtype=x.form.dtype)
    constant = p * (p - 1) * math.log(math.pi) / 4
    return (x.unsqueeze(-1) + halves).lgamma().sum(-1) + constant


@composite("mvlgamma_(Tensor(a!) self, int p) -> Tensor(a!)")
def mvlgamma_(self, p):
    """In-place form of mvlgamma.

    The result has the shape of self. Raises RuntimeError for p < 1.
    """
    return self.copy_(mvlgamma.function(self, p))


registry["polygamma_order"].node_name = "PolygammaBackward0"
registry["polygamma_order"].namespace, registry["polygamma_order"].method = "private", False
Alias("special_gammainc", "igamma")
Alias("special_gammaincc", "igammac")
Alias("special_polygamma", "polygamma")
Alias("special_multigammaln", "mvlgamma")
