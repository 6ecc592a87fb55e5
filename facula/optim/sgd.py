"""Stochastic gradient descent, with momentum if asked for.

In formulas p is the parameter, g its gradient, b the momentum buffer; `sign` is -1 to maximize. fma
stands where torch rounds once, so that trajectories are equal bit for bit.
"""

# A formula runs on floats, expressions and tensors alike: it has no single type.
# mypy: disable-error-code="no-untyped-def"

from typing import Any

from facula import ops
from facula.kernel.scalar import fma
from facula.launch.update import Row, update
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
from facula.tensor import Tensor

__all__ = ["SGD"]


def _plain(p, g, lr, sign, decay):
    g = fma(decay, p, sign * g)
    return (fma(-lr, g, p),)


def _heavy(p, g, b, lr, sign, decay, momentum, damping):
    g = fma(decay, p, sign * g)
    b = fma(damping, g, momentum * b)
    return fma(-lr, b, p), b


def _nesterov(p, g, b, lr, sign, decay, momentum, damping, ahead):
    g = fma(decay, p, sign * g)
    b = fma(damping, g, momentum * b)
    return fma(-lr, fma(ahead, b, g), p), b


OPTIONS = ("lr", "sign", "decay", "momentum", "damping")
PLAIN = update("sgd", _plain, ("p", "g"), writes=("p",), scalars=OPTIONS[:3])
HEAVY = update("sgd_momentum", _heavy, ("p", "g", "b"), writes=("p", "b"), scalars=OPTIONS)
NESTEROV = update(
    "sgd_nesterov", _nesterov, ("p", "g", "b"), writes=("p", "b"), scalars=(*OPTIONS, "ahead")
)


class SGD(Optimizer):
    """Steps against the gradient: p = p - lr * b, with b = momentum * b + (1 - dampening) * g.

    `nesterov` steps by g + momentum * b; `weight_decay` adds its multiple of p to g; `maximize`
    goes up. Raises ValueError for a negative lr, momentum or weight decay, and for nesterov without
    momentum. Sutskever et al., On the importance of initialization and momentum in deep learning
    (2013).

    >>> import facula as torch
    >>> weight = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.SGD([weight], lr=0.1)
    >>> (2 * weight).sum().backward()
    >>> optimizer.step()
    >>> weight
    tensor([0.8000], requires_grad=True)
    """

    later_options = {
        "nesterov": False,
        "maximize": False,
        "foreach": None,
        "differentiable": False,
        "fused": False,
    }

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        check_lr(lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_modes(foreach=foreach, fused=fused, differentiable=differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def step(self, closure: Closure | None = None) -> Any:
        loss = self._loss(closure)
        for group in self.param_groups:
            check_group(group)
            lr = float(group["lr"])
            sign = -1.0 if group["maximize"] else 1.0
            decay = float(group["weight_decay"])
            momentum = float(group["momentum"])
            if momentum == 0:
                plain = [(p, p.grad) for p in group["params"] if p.grad is not None]
                PLAIN(plain, lr, sign, decay)
                continue
            damping = 1.0 - group["dampening"]
            first, rows = self._rows(group)
            if group["nesterov"]:
                # The first time b is g itself, and momentum only looks ahead.
                NESTEROV(first, lr, sign, decay, 0.0, 1.0, momentum)
                NESTEROV(rows, lr, sign, decay, momentum, damping, momentum)
            else:
                HEAVY(first, lr, sign, decay, 0.0, 1.0)
                HEAVY(rows, lr, sign, decay, momentum, damping)
        return loss

    def _rows(self, group: Group) -> tuple[list[Row], list[Row]]:
        """(p, g, b) of the parameters that step for the first time, and of the others."""
        first: list[Row] = []
        rows: list[Row] = []
        for p in group["params"]:
            if p.grad is None:
                continue
            state = self.state[p]
            b = state.get("momentum_buffer")
            if b is None:
                b = state["momentum_buffer"] = ops.zeros_like(p, requires_grad=False)
                first.append((p, p.grad, b))
            else:
                rows.append((p, p.grad, b))
        return first, rows
