"""Losses as modules. The deprecated `size_average` and `reduce` say what `reduction` now says."""

from facula.nn import functional as F
from facula.nn.modules.module import Module
from facula.tensor import Tensor

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
]


class _Loss(Module):
    """A loss with its reduction: 'mean', 'sum' or 'none'. Abstract."""

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.reduction = F.chosen_reduction(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    """A loss with a weight, kept as a buffer so that it moves with the module. Abstract."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """|input - target|, reduced: 'mean', 'sum' or 'none'. Input and target (*), output () or (*).

    >>> import facula as torch
    >>> torch.nn.L1Loss()(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """(input - target)^2, reduced: 'mean', 'sum' or 'none'. Input and target (*), output () or (*).

    >>> import facula as torch
    >>> torch.nn.MSELoss()(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(5.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """error^2 / (2 beta) where |error| < beta, |error| - beta / 2 above (Girshick, arXiv
    1504.08083).

    Input and target (*), output () or (*) for reduction 'none'. Raises RuntimeError for a negative
    beta.

    >>> import facula as torch
    >>> torch.nn.SmoothL1Loss(reduction="none")(torch.tensor([0.5, 3.0]), torch.zeros(2))
    tensor([0.1250, 2.5000])
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """error^2 / 2 where |error| <= delta, delta * (|error| - delta / 2) above (Huber, 1964).

    Input and target (*), output () or (*) for reduction 'none'. Raises RuntimeError unless delta >
    0.

    >>> import facula as torch
    >>> torch.nn.HuberLoss("none", delta=2.0)(torch.tensor([0.5, 3.0]), torch.zeros(2))
    tensor([0.1250, 4.0000])
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not isinstance(delta, float | int):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class NLLLoss(_WeightedLoss):
    """Minus the log-probability, in nats, given to the right class; the input holds
    log-probabilities.

    Input (N, C), (C) or (N, C, *); target (N), () or (N, *) of class numbers, int64; `weight` (C),
    a buffer. Targets equal to `ignore_index` do not count; 'mean' divides by the sum of the
    weights. Raises IndexError for a class outside [0, C).

    >>> import facula as torch
    >>> logs = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log()
    >>> torch.nn.NLLLoss(reduction="none")(logs, torch.tensor([1, 0]))
    tensor([0.2877, 0.6931])
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(_WeightedLoss):
    """-log(softmax(input)[target]) in nats; the input holds scores of any sign.

    Input (N, C), (C) or (N, C, *); target (N), () or (N, *) of class numbers, int64, or of the
    input's shape: a probability for every class. `weight` (C) is a buffer; `label_smoothing` in [0,
    1] gives every class that share of a uniform distribution; 'mean' divides by the sum of the
    weights. Raises IndexError for a class outside [0, C).

    >>> import facula as torch
    >>> torch.nn.CrossEntropyLoss()(torch.zeros(3, 10), torch.tensor([1, 0, 4]))
    tensor(2.3026)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCELoss(_WeightedLoss):
    """-(target * log(input) + (1 - target) * log(1 - input)) in nats; the input holds
    probabilities.

    Input and target (*), both in [0, 1]; output () or (*) for reduction 'none'. `weight` is a
    buffer that broadcasts to them. Raises RuntimeError for an input outside [0, 1], ValueError for
    shapes that differ.

    >>> import facula as torch
    >>> torch.nn.BCELoss()(torch.tensor([0.5, 0.8]), torch.tensor([0.0, 1.0]))
    tensor(0.4581)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of sigmoid(input), in nats, computed without overflow; the input holds scores.

    Input and target (*); output () or (*) for reduction 'none'. `weight` and `pos_weight`, which
    scales the loss of target 1, are buffers that broadcast to them. Raises ValueError for shapes
    that differ.

    >>> import facula as torch
    >>> torch.nn.BCEWithLogitsLoss()(torch.tensor([0.0, 200.0]), torch.tensor([1.0, 1.0]))
    tensor(0.3466)
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            weight=self.weight,
            pos_weight=self.pos_weight,
            reduction=self.reduction,
        )


class KLDivLoss(_Loss):
    """target * (log(target) - input) in nats: how far a distribution (in logs) is from the target.

    Input (*): log-probabilities; target (*): probabilities, or their logarithms with `log_target`.
    'batchmean' divides the sum by the first size, 'mean' by the number of elements, with a
    UserWarning.

    >>> import facula as torch
    >>> logs = torch.tensor([[0.5, 0.5]]).log()
    >>> torch.nn.KLDivLoss(reduction="batchmean")(logs, torch.tensor([[0.25, 0.75]]))
    tensor(0.1308)
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)
