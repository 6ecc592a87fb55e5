"""RMSprop: the gradient over the root of its average square.

In formulas p is the parameter, g its gradient, v the average of g * g, a the average of g (for the
centered form), b the momentum buffer; `sign` is -1 to maximize. fma stands where torch rounds once.
"""

# A formula runs on floats, expressions and tensors alike: it has no single type.
# mypy: disable-error-code="no-untyped-def"

from typing import Any

from facula import ops
from facula.kernel.scalar import fma, sqrt, where
from facula.launch.update import update
from facula.optim.optimizer import (
    Closure,
    Group,
    Optimizer,
    Params,
    check_group,
    check_lr,
    check_modes,
    check_not_negative,
)
from facula.optim.team import State
from facula.tensor import Tensor

__all__ = ["RMSprop"]


def _square(p, g, v, sign, decay, alpha, rest):
    g = fma(decay, p, sign * g)
    return g, fma(rest * g, g, v * alpha)


def _spread(g, v, a, rest, eps):
    a = where(rest < 0.5, fma(rest, g - a, a), fma(rest - 1, g - a, g))
    return sqrt(fma(-a, a, v)) + eps, a


def _plain(p, g, v, lr, sign, decay, alpha, rest, eps):
    g, v = _square(p, g, v, sign, decay, alpha, rest)
    return p - lr * g / (sqrt(v) + eps), v


def _heavy(p, g, v, b, lr, sign, decay, alpha, rest, eps, momentum):
    g, v = _square(p, g, v, sign, decay, alpha, rest)
    b = momentum * b + g / (sqrt(v) + eps)
    return fma(-lr, b, p), v, b


def _centered(p, g, v, a, lr, sign, decay, alpha, rest, eps):
    g, v = _square(p, g, v, sign, decay, alpha, rest)
    d, a = _spread(g, v, a, rest, eps)
    return p - lr * g / d, v, a


def _centered_heavy(p, g, v, b, a, lr, sign, decay, alpha, rest, eps, momentum):
    g, v = _square(p, g, v, sign, decay, alpha, rest)
    d, a = _spread(g, v, a, rest, eps)
    b = momentum * b + g / d
    return fma(-lr, b, p), v, b, a


OPTIONS = ("lr", "sign", "decay", "alpha", "rest", "eps")
# By (centered, with momentum): the update, and the names of its states after p and g.
UPDATES = {
    (False, False): (
        update("rmsprop", _plain, ("p", "g", "v"), writes=("p", "v"), scalars=OPTIONS),
        ("square_avg",),
    ),
    (False, True): (
        update(
            "rmsprop_momentum",
            _heavy,
            ("p", "g", "v", "b"),
            writes=("p", "v", "b"),
            scalars=(*OPTIONS, "momentum"),
        ),
        ("square_avg", "momentum_buffer"),
    ),
    (True, False): (
        update(
            "rmsprop_centered",
            _centered,
            ("p", "g", "v", "a"),
            writes=("p", "v", "a"),
            scalars=OPTIONS,
        ),
        ("square_avg", "grad_avg"),
    ),
    (True, True): (
        update(
            "rmsprop_centered_momentum",
            _centered_heavy,
            ("p", "g", "v", "b", "a"),
            writes=("p", "v", "b", "a"),
            scalars=(*OPTIONS, "momentum"),
        ),
        ("square_avg", "momentum_buffer", "grad_avg"),
    ),
}


class RMSprop(Optimizer):
    """Steps by g / (sqrt(v) + eps), where v is the average of g^2 (Hinton's lecture 6, 2012).

    v = alpha * v + (1 - alpha) * g^2; `centered` takes the variance for v (arXiv 1308.0850);
    `momentum` accumulates the steps. Raises ValueError for negative options.

    >>> import facula as torch
    >>> weight = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.RMSprop([weight], lr=0.05)
    >>> (2 * weight).sum().backward()
    >>> optimizer.step()
    >>> weight
    tensor([0.5000], requires_grad=True)
    """

    later_options = {
        "momentum": 0,
        "centered": False,
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        check_modes(foreach=foreach, fused=None, differentiable=differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def step(self, closure: Closure | None = None) -> Any:
        loss = self._loss(closure)
        for group in self.param_groups:
            check_group(group)
            alpha, momentum = float(group["alpha"]), float(group["momentum"])
            scalars = [
                float(group["lr"]),
                -1.0 if group["maximize"] else 1.0,
                float(group["weight_decay"]),
                alpha,
                1.0 - alpha,
                float(group["eps"]),
            ]
            if momentum > 0:
                scalars.append(momentum)
            change, names = UPDATES[bool(group["centered"]), momentum > 0]
            for team in self._teams(group, _begin):
                rows: list[Any] = [
                    (p, p.grad, *[s[name] for name in names])
                    for p, s in zip(team.params, team.states)
                ]
                change(rows, *scalars)
        return loss


def _begin(param: Tensor, group: Group) -> State:
    _, names = UPDATES[bool(group["centered"]), group["momentum"] > 0]
    return {name: ops.zeros_like(param, requires_grad=False) for name in names}
