"""Adagrad: the gradient over the root of the sum of all its squares.

In formulas p is the parameter, g its gradient, v the sum of g * g; `sign` is -1 to maximize. fma
stands where torch rounds once.
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

__all__ = ["Adagrad"]


def _adagrad(p, g, v, lr, sign, decay, eps):
    g = fma(decay, p, sign * g)
    v = fma(g, g, v)
    return p - lr * g / (sqrt(v) + eps), v


ADAGRAD = update(
    "adagrad",
    _adagrad,
    ("p", "g", "v"),
    writes=("p", "v"),
    scalars=("lr", "sign", "decay", "eps"),
)


class Adagrad(Optimizer):
    """Steps by lr * g / (sqrt(v) + eps), where v is the sum of g^2 so far (Duchi et al., JMLR 12,
    2011).

    `lr_decay` divides the learning rate by 1 + steps * lr_decay; v starts as
    `initial_accumulator_value`. Raises ValueError for negative options.

    >>> import facula as torch
    >>> weight = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Adagrad([weight], lr=0.1)
    >>> (2 * weight).sum().backward()
    >>> optimizer.step()
    >>> weight
    tensor([0.9000], requires_grad=True)
    """

    later_options = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        check_lr(lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        check_modes(foreach=foreach, fused=fused, differentiable=differentiable)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        # Unlike the others, torch's Adagrad has its state from the beginning.
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = {"step": ops.tensor(0.0), **_begin(param, group)}

    def step(self, closure: Closure | None = None) -> Any:
        loss = self._loss(closure)
        for group in self.param_groups:
            check_group(group)
            sign = -1.0 if group["maximize"] else 1.0
            decay, eps = float(group["weight_decay"]), float(group["eps"])
            for team in self._teams(group, _begin):
                lr = float(group["lr"]) / (1.0 + (team.count - 1.0) * group["lr_decay"])
                rows: list[Any] = [(p, p.grad, s["sum"]) for p, s in zip(team.params, team.states)]
                ADAGRAD(rows, lr, sign, decay, eps)
        return loss

    def share_memory(self) -> None:
        """Does nothing: threads share all memory anyway, and processes are not supported.

        >>> import facula as torch
        >>> torch.optim.Adagrad([torch.zeros(1)]).share_memory()
        """


def _begin(param: Tensor, group: Group) -> State:
    start = group["initial_accumulator_value"]
    return {"sum": ops.full_like(param, start, requires_grad=False)}
