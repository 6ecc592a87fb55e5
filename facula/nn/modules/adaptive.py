"""AdaptiveLogSoftmaxWithLoss (Grave et al., arXiv 1609.04309), and the loss with its own layer."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from facula import ops
from facula.meta.device import device as Device
from facula.meta.dtype import dtype as DType
from facula.nn import functional as F
from facula.nn.linear_loss import LinearCrossEntropyOptions
from facula.nn.modules.container import ModuleList, Sequential
from facula.nn.modules.linear import Linear
from facula.nn.modules.loss import _WeightedLoss
from facula.nn.modules.module import Module
from facula.tensor import Tensor

__all__ = ["AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]


class _ASMoutput(NamedTuple):
    """The log-probability of each target, and minus their mean."""

    output: Tensor
    loss: Tensor


_ASMoutput.__name__ = _ASMoutput.__qualname__ = "ASMoutput"


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax over many classes, ordered by frequency (Grave et al., arXiv 1609.04309).

    Frequent classes stand in a short list, the rest in clusters, which begin at `cutoffs`, with
    projections smaller by `div_value` each. Called with (N, in_features) and targets (N), it gives
    the log-probability of each target (N), in nats, and minus their mean, the loss. Raises
    ValueError for cutoffs that do not rise, RuntimeError for shapes or targets that do not fit.

    >>> import facula as torch
    >>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2)
    >>> layer(torch.zeros(4, 8), torch.tensor([0, 6, 12, 19])).output.shape
    torch.Size([4])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(set(cutoffs))
            or min(cutoffs) <= 0
            or max(cutoffs) > n_classes - 1
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                "order, where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, device=device, dtype=dtype)
        self.tail = ModuleList()
        for k, (low, high) in enumerate(pairwise(self.cutoffs)):
            hidden = int(in_features // div_value ** (k + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, device=device, dtype=dtype),
                    Linear(hidden, high - low, bias=False, device=device, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights anew, as `Linear` does.

        >>> import facula as torch
        >>> torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2]).reset_parameters()
        """
        self.head.reset_parameters()
        for layer in self.tail.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        rank = target_.dim()
        if rank > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if rank == 1 and input_.shape[0] != target_.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if input_.dim() != rank + 1:
            raise RuntimeError(
                f"{rank}D target tensor expects {rank + 1}D input tensors, but found inputs with "
                f"size {input_.shape}"
            )
        input = input_ if rank else input_.unsqueeze(0)
        target = target_ if rank else target_.unsqueeze(0)
        if target.numel() and not 0 <= int(target.min()) <= int(target.max()) < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )
        entries = target.clone()
        output = input.new_zeros((target.shape[0],))
        for k, (low, high) in enumerate(pairwise(self.cutoffs)):
            inside = (target >= low) & (target < high)
            rows = inside.nonzero().squeeze(1)
            if not rows.numel():
                continue
            entries = entries.masked_fill(inside, self.shortlist_size + k)
            logs = F.log_softmax(self.tail[k](input.index_select(0, rows)), dim=1)
            local = logs.gather(1, (target.index_select(0, rows) - low).unsqueeze(1)).squeeze(1)
            output = output.index_copy(0, rows, local)
        head = F.log_softmax(self.head(input), dim=1)
        output = output + head.gather(1, entries.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output if rank else output.squeeze(0), loss)

    def _all_logs(self, input: Tensor, head: Tensor) -> Tensor:
        logs = F.log_softmax(head, dim=1)
        parts = [logs[:, : self.shortlist_size]]
        for k in range(self.n_clusters):
            cluster = F.log_softmax(self.tail[k](input), dim=1)
            parts.append(cluster + logs[:, self.shortlist_size + k].unsqueeze(1))
        made: Tensor = ops.cat(parts, 1)
        return made

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities, in nats, of all classes: (N, in_features) gives (N, n_classes).

        >>> import facula as torch
        >>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])
        >>> round(layer.log_prob(torch.zeros(1, 4)).exp().sum().item(), 4)
        1.0
        """
        return self._all_logs(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row, (N), int64; clusters are looked into only where they
        win.

        >>> import facula as torch
        >>> _ = torch.manual_seed(0)
        >>> torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2]).predict(torch.zeros(3, 4)).shape
        torch.Size([3])
        """
        head = self.head(input)
        output: Tensor = head.argmax(dim=1)
        clustered = output >= self.shortlist_size
        if not bool(clustered.any()):
            return output
        if bool(clustered.all()):
            return self._all_logs(input, head).argmax(dim=1)
        best = self._all_logs(input[clustered], head[clustered]).argmax(dim=1)
        output[clustered] = best
        return output


class LinearCrossEntropyLoss(_WeightedLoss):
    """A linear layer and the cross entropy of its results in nats: see `linear_cross_entropy`.

    Input (N, in_features), target (N) of class numbers; the scores (N, num_classes) are never held
    in memory as a whole.

    >>> import facula as torch
    >>> loss = torch.nn.LinearCrossEntropyLoss(5, 10)
    >>> round(loss(torch.zeros(2, 5), torch.tensor([3, 4])).item(), 4)
    2.3026
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Device | str | None = None,
        dtype: DType | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(
                f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}"
            )
        if not 0 <= label_smoothing <= 1.0:
            raise RuntimeError(
                f"expected label_smoothing to be in range [0, 1], got {label_smoothing}"
            )
        super().__init__(weight, None, None, reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        total = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, total, bias=bias, device=device, dtype=dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape((*shape, self.linear.in_features)),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
