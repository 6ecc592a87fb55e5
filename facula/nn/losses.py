"""More losses of torch.nn.functional: margins, distances, likelihoods, sequences."""

import math
import warnings
from collections.abc import Callable, Sequence

from facula.autograd.mode import no_grad
from facula.ops.calls import op
from facula.tensor import Tensor


def chosen_reduction(
    size_average: bool | None, reduce: bool | None, reduction: str, stacklevel: int = 3
) -> str:
    """The reduction, after the two old arguments that used to say it."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        reduction = "none"
    else:
        reduction = "sum" if size_average is False else "mean"
    warnings.warn(
        "size_average and reduce args will be deprecated, "
        f"please use reduction='{reduction}' instead.",
        stacklevel=stacklevel,
    )
    return reduction


def _reduced(loss: Tensor, reduction: str, words: str) -> Tensor:
    if reduction == "none":
        return loss
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    raise ValueError(f"{reduction} {words}")


# --- margins -----------------------------------------------------------------------------------


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target * input)) in nats, targets being 1 or -1, reduced.

    Input (*): scores of any sign; target (*); the result () or (*) for reduction 'none'. Raises
    ValueError for an unknown reduction, RuntimeError for shapes that do not broadcast.

    >>> import facula as torch
    >>> torch.nn.functional.soft_margin_loss(torch.tensor([0.0, 2.0]), torch.tensor([1.0, -1.0]))
    tensor(1.4100)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    made: Tensor = op.soft_margin_loss(input, target, reduction)
    return made


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target * (input1 - input2) + margin), reduced: input1 is to be larger where target is
    1.

    Inputs and target (N), target 1 or -1; the result () or (N) for reduction 'none'. Raises
    RuntimeError for numbers of dimensions that differ, ValueError for an unknown reduction.

    >>> import facula as torch
    >>> one, two = torch.tensor([1.0, 1.0]), torch.tensor([0.0, 3.0])
    >>> torch.nn.functional.margin_ranking_loss(one, two, torch.ones(2), reduction="none")
    tensor([0., 2.])
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    made: Tensor = op.margin_ranking_loss(input1, input2, target, margin, reduction)
    return made


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The input where target is 1, max(0, margin - input) where it is -1, reduced.

    Input (*): distances; target (*): 1 or -1; the result () or (*) for reduction 'none'. Raises
    ValueError for an unknown reduction.

    >>> import facula as torch
    >>> torch.nn.functional.hinge_embedding_loss(
    ...     torch.tensor([0.5, 0.25]), torch.tensor([1.0, -1.0]), reduction="none"
    ... )
    tensor([0.5000, 0.7500])
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    made: Tensor = op.hinge_embedding_loss(input, target, margin, reduction)
    return made


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum over classes i but the right one y of max(0, margin - x[y] + x[i])^p, over their number.

    Input (N, C) or (C): scores; target (N) or (): class numbers, int64; p is 1 or 2; `weight` (C)
    weighs by right class. The result is () or (N) for reduction 'none'. Raises ValueError for
    another p or an unknown reduction, RuntimeError for shapes that do not fit or a class outside
    [0, C).

    >>> import facula as torch
    >>> torch.nn.functional.multi_margin_loss(torch.tensor([[0.5, 0.25]]), torch.tensor([0]))
    tensor(0.3750)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    made: Tensor = op.multi_margin_loss(input, target, p, margin, weight, reduction)
    return made


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum of max(0, 1 - x[y] + x[i]) over right classes y and all others i, over their number.

    Input (N, C) or (C): scores; a row of target, as wide and int64, names right classes up to the
    first -1. The result is () or (N) for reduction 'none'. Raises RuntimeError for shapes that
    differ or a class outside [-1, C).

    >>> import facula as torch
    >>> scores, right = torch.tensor([[0.5, 0.25, 0.0]]), torch.tensor([[0, -1, 0]])
    >>> torch.nn.functional.multilabel_margin_loss(scores, right)
    tensor(0.4167)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    made: Tensor = op.multilabel_margin_loss(input, target, reduction)
    return made


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Cross entropy of two classes for each label (the last dimension), in nats, averaged over
    them.

    Input (*, C): scores of any sign; target (*, C): 0 or 1; `weight` (C) scales labels. The result
    is () or (*) for reduction 'none'. Raises ValueError for an unknown reduction.

    >>> import facula as torch
    >>> scores, labels = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    >>> torch.nn.functional.multilabel_soft_margin_loss(scores, labels)
    tensor(0.6931)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    loss = -(target * op.log_sigmoid(input) + (1 - target) * op.log_sigmoid(-input))
    if weight is not None:
        loss = loss * weight
    labels = input.dim() - 1
    return _reduced(loss.sum(dim=labels) / input.shape[labels], reduction, "is not valid")


# --- distances ---------------------------------------------------------------------------------


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1, reduced.

    Inputs (N, D) or (D), target (N) or (); cos is their cosine similarity, in [-1, 1]. The result
    is () or (N) for reduction 'none'. Raises RuntimeError for other shapes, ValueError for an
    unknown reduction.

    >>> import facula as torch
    >>> one, two = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    >>> torch.nn.functional.cosine_embedding_loss(one, two, torch.tensor([1.0]))
    tensor(1.)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    made: Tensor = op.cosine_embedding_loss(input1, input2, target, margin, reduction)
    return made


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)), d the p-norm of differences,
    reduced.

    All three (N, D) or (D); the result () or (N) for reduction 'none'. `eps` is added to
    differences. `swap`: of anchor and positive the one nearer to the negative stands for the anchor
    (Balntas et al., Learning shallow convolutional feature descriptors with triplet losses, 2016).
    Raises ValueError unless margin > 0, RuntimeError for numbers of dimensions that differ.

    >>> import facula as torch
    >>> here, near, far = torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([[0.6, 0.0]])
    >>> torch.nn.functional.triplet_margin_loss(here, near, far)
    tensor(0.4000)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    made: Tensor = op.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction
    )
    return made


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of your own (by default `pairwise_distance`).

    `distance_function(a, b)` of two (N, D) returns the (N) distances. Raises ValueError unless
    margin > 0 or for an unknown reduction, RuntimeError for numbers of dimensions that differ.

    >>> import facula as torch
    >>> here, near, far = torch.zeros(1, 2), torch.ones(1, 2), torch.full((1, 2), 3.0)
    >>> torch.nn.functional.triplet_margin_with_distance_loss(
    ...     here, near, far, distance_function=lambda a, b: (a - b).abs().sum(1), margin=5.0
    ... )
    tensor(1.)
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    distance = op.pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = op.minimum(far, distance(positive, negative))
    return _reduced(op.clamp_min(margin + near - far, 0), reduction, "is not valid")


# --- likelihoods -------------------------------------------------------------------------------


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood in nats of counts, for rates or (`log_input`) their logarithms,
    reduced.

    exp(input) - target * input, or input - target * log(input + eps); `full` adds Stirling's
    formula for log(target!) where target > 1. Input and target (*); the result () or (*) for
    reduction 'none'. Raises ValueError for an unknown reduction.

    >>> import facula as torch
    >>> torch.nn.functional.poisson_nll_loss(torch.zeros(2), torch.tensor([1.0, 2.0]))
    tensor(1.)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    made: Tensor = op.poisson_nll_loss(input, target, log_input, full, eps, reduction)
    return made


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood in nats of the target under normals of mean `input` and variance
    `var`.

    (log(var) + (input - target)^2 / var) / 2; `full` adds log(2 pi) / 2. Input and target (*);
    `var` has the input's shape, or size 1 in one dimension, or lacks the last one; variances below
    `eps` count as `eps`, which no gradient sees. Raises ValueError for a negative or misshapen
    variance and for an unknown reduction. Nix and Weigend, Estimating the mean and variance of the
    target probability distribution (1994).

    >>> import facula as torch
    >>> mean, target = torch.zeros(2), torch.tensor([0.0, 2.0])
    >>> torch.nn.functional.gaussian_nll_loss(mean, target, torch.ones(2))
    tensor(1.)
    """
    if isinstance(var, Tensor):
        negative = bool((var < 0).any())
        spread = var
    else:
        negative = var < 0
        spread = var * op.ones_like(input)
    if negative:
        raise ValueError("var has negative entry/entries")
    if spread.shape != input.shape:
        if input.shape[:-1] == spread.shape:
            spread = spread.unsqueeze(-1)
        else:
            differing = [v for n, v in zip(input.shape, spread.shape, strict=False) if n != v]
            if input.ndim != spread.ndim or sum(differing) != 1:
                raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    spread = spread.clone()
    with no_grad():
        spread.clamp_(min=eps)
    loss = 0.5 * (spread.log() + (input - target) ** 2 / spread)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduced(loss, reduction, "is not valid")


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log-probability, in nats, of all alignments of a label sequence to a longer input.

    `log_probs` is (T, N, C) or (T, C), `targets` (N, S) padded, or the sequences end to end;
    lengths are (N) or (). Class `blank` separates labels. 'mean' divides each loss by the length of
    its target first. `zero_infinity` makes losses 0, and their gradients, where a target is too
    long for its input. Raises RuntimeError for lengths or labels that do not fit. Graves et al.,
    Connectionist temporal classification (2006).

    >>> import facula as torch
    >>> logs = torch.full((2, 1, 2), 0.5).log()
    >>> torch.nn.functional.ctc_loss(logs, torch.tensor([[1]]), (2,), (1,)).exp()
    tensor(1.3333)
    """
    made: Tensor = op.ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity
    )
    return made
