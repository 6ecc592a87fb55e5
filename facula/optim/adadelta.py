"""Adadelta: steps in the parameter's own units, from running averages of squares.

In formulas p is the parameter, g its gradient, v the average of g * g, u the average of squared
steps; `sign` is -1 to maximize. fma stands where torch rounds once.
"""

# A formula runs on floats, expressions and tensors alike: it has no single type.
# mypy: disable-error-code="no-untyped-def"

from typing import Any

from facula import ops
from facula.kernel.scalar import fma, sqrt
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

__all__ = ["Adadelta"]


def _adadelta(p, g, v, u, lr, sign, decay, rho, rest, eps):
    g = fma(decay, p, sign * g)
    v = fma(rest * g, g, v * rho)
    d = sqrt(u + eps) / sqrt(v + eps) * g
    return fma(-lr, d, p), v, fma(rest * d, d, u * rho)


ADADELTA = update(
    "adadelta",
    _adadelta,
    ("p", "g", "v", "u"),
    writes=("p", "v", "u"),
    scalars=("lr", "sign", "decay", "rho", "rest", "eps"),
)


class Adadelta(Optimizer):
    """Steps by lr * d, d = g * sqrt(u + eps) / sqrt(v + eps), u and v averages of d^2 and g^2.

    Averages keep `rho` of the old at each step, so that d has the parameter's unit. Raises
    ValueError for negative options or rho outside [0, 1]. Zeiler, arXiv 1212.5701.

    >>> import facula as torch
    >>> weight = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Adadelta([weight])
    >>> (2 * weight).sum().backward()
    >>> optimizer.step()
    >>> weight
    tensor([0.9968], requires_grad=True)
    """

    later_options = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        check_modes(foreach=foreach, fused=None, differentiable=differentiable)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def step(self, closure: Closure | None = None) -> Any:
        loss = self._loss(closure)
        for group in self.param_groups:
            check_group(group)
            rho = float(group["rho"])
            scalars = (
                float(group["lr"]),
                -1.0 if group["maximize"] else 1.0,
                float(group["weight_decay"]),
                rho,
                1.0 - rho,
                float(group["eps"]),
            )
            for team in self._teams(group, _begin):
                rows: list[Any] = [
                    (p, p.grad, s["square_avg"], s["acc_delta"])
                    for p, s in zip(team.params, team.states)
                ]
                ADADELTA(rows, *scalars)
        return loss


def _begin(param: Tensor, group: Group) -> State:
    names = ("square_avg", "acc_delta")
    return {name: ops.zeros_like(param, requires_grad=False) for name in names}
