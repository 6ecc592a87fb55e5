"""Adam, with decoupled weight decay (AdamW) and AMSGrad as options.

In formulas p is the parameter, g its gradient, m and v the running averages of g and g * g, w the
largest v so far; `sign` is -1 to maximize, `decay` is added to the gradient, `shrink` multiplies
the parameter. fma stands where torch rounds once: what is left of a difference is that of the
square root's last bit.
"""

# A formula runs on floats, expressions and tensors alike: it has no single type.
# mypy: disable-error-code="no-untyped-def"

import math
from typing import Any

from facula import ops
from facula.kernel.scalar import fma, maximum, sqrt, where
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

__all__ = ["Adam"]


def _moments(p, g, m, v, sign, decay, toward, beta2, square):
    g = fma(decay, p, sign * g)
    # Two forms of one average, each exact at its end, as torch's lerp has them.
    m = where(toward < 0.5, fma(toward, g - m, m), fma(toward - 1, g - m, g))
    return m, fma(square * g, g, v * beta2)


def _adam(p, g, m, v, sign, decay, toward, beta2, square, shrink, size, root, eps):
    m, v = _moments(p, g, m, v, sign, decay, toward, beta2, square)
    return p * shrink - size * m / (sqrt(v) / root + eps), m, v


def _amsgrad(p, g, m, v, w, sign, decay, toward, beta2, square, shrink, size, root, eps):
    m, v = _moments(p, g, m, v, sign, decay, toward, beta2, square)
    w = maximum(w, v)
    return p * shrink - size * m / (sqrt(w) / root + eps), m, v, w


OPTIONS = ("sign", "decay", "toward", "beta2", "square", "shrink", "size", "root", "eps")
ADAM = update("adam", _adam, ("p", "g", "m", "v"), writes=("p", "m", "v"), scalars=OPTIONS)
AMSGRAD = update(
    "amsgrad", _amsgrad, ("p", "g", "m", "v", "w"), writes=("p", "m", "v", "w"), scalars=OPTIONS
)


class Adam(Optimizer):
    """Steps by the average gradient over the root of the average square (Kingma and Ba, arXiv
    1412.6980).

    p = p - lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps), m and v running averages of g
    and g^2 by `betas`. `amsgrad` uses the largest average square so far (arXiv 1904.09237);
    `decoupled_weight_decay` makes it AdamW. Raises ValueError for negative options and betas
    outside [0, 1).

    >>> import facula as torch
    >>> weight = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.Adam([weight], lr=0.1)
    >>> (2 * weight).sum().backward()
    >>> optimizer.step()
    >>> weight
    tensor([0.9000], requires_grad=True)
    """

    later_options = {
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "fused": None,
    }

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        for index in (0, 1):
            if not 0.0 <= float(betas[index]) < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {betas[index]}")
        check_not_negative("weight_decay value", weight_decay)
        _check_kinds(betas, foreach=bool(foreach), capturable=capturable)
        check_modes(foreach=foreach, fused=fused, differentiable=differentiable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def step(self, closure: Closure | None = None) -> Any:
        loss = self._loss(closure)
        for group in self.param_groups:
            check_group(group)
            lr = float(group["lr"])
            beta1, beta2 = map(float, group["betas"])
            decay, shrink = float(group["weight_decay"]), 1.0
            if group["decoupled_weight_decay"]:
                decay, shrink = 0.0, 1.0 - lr * decay
            sign = -1.0 if group["maximize"] else 1.0
            for team in self._teams(group, _begin):
                size = lr / (1.0 - beta1**team.count)
                root = math.sqrt(1.0 - beta2**team.count)
                scalars = (sign, decay, 1.0 - beta1, beta2, 1.0 - beta2, shrink, size, root)
                members = zip(team.params, team.states)
                rows: list[Any]
                if group["amsgrad"]:
                    rows = [
                        (p, p.grad, s["exp_avg"], s["exp_avg_sq"], s["max_exp_avg_sq"])
                        for p, s in members
                    ]
                    AMSGRAD(rows, *scalars, float(group["eps"]))
                else:
                    rows = [(p, p.grad, s["exp_avg"], s["exp_avg_sq"]) for p, s in members]
                    ADAM(rows, *scalars, float(group["eps"]))
        return loss


def _check_kinds(
    betas: tuple[float | Tensor, float | Tensor], *, foreach: bool, capturable: bool
) -> None:
    """Both betas are floats, or both tensors of one number."""
    tensors = [isinstance(one, Tensor) for one in betas]
    if not all(tensors) and not all(isinstance(one, float) for one in betas):
        raise ValueError("betas must be either both floats or both Tensors")
    for place, one in enumerate(betas):
        if not isinstance(one, Tensor):
            continue
        if foreach and not capturable:
            raise ValueError(
                f"betas[{place}] as a Tensor is not supported for capturable=False and foreach=True"
            )
        if one.numel() != 1:
            raise ValueError(f"Tensor betas[{place}] must be 1-element")


def _begin(param: Tensor, group: Group) -> State:
    names = ["exp_avg", "exp_avg_sq"]
    if group["amsgrad"]:
        names.append("max_exp_avg_sq")
    return {name: ops.zeros_like(param, requires_grad=False) for name in names}
