"""AdamW: Adam whose weight decay shrinks the parameters instead of joining the gradient."""

from facula.optim.adam import Adam
from facula.optim.optimizer import Group, Params
from facula.tensor import Tensor

__all__ = ["AdamW"]


class AdamW(Adam):
    """`Adam` with p = p * (1 - lr * weight_decay) before each step (arXiv 1711.05101).

    Options and errors are those of Adam, with `weight_decay` 0.01 where not given.

    >>> import facula as torch
    >>> weight = torch.ones(1, requires_grad=True)
    >>> optimizer = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.5)
    >>> (2 * weight).sum().backward()
    >>> optimizer.step()
    >>> weight
    tensor([0.8500], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: Group) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
