"""Connectionist temporal classification (Graves et al., ICML 2006).

The label sequence of a sample, with blanks between and around, gives 2 S + 1 states; alpha[t, s] is
the log-probability of all ways to be in state s at time t, beta[t, s] that of all ways on from it.
Both recursions run over time, a step for all samples and states at once.
"""

from facula.dispatch import dtype_word
from facula.meta import dtype as dtypes
from facula.op import composite, operation, registry
from facula.tensor import Tensor

NEVER = float("-inf")
REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def _states(targets, labels, blank):
    """(N, 2 S + 1): the label of each state; and whether it may be entered past a blank."""
    n, longest = targets.form.shape
    states = registry["full"].function((n, 2 * longest + 1), blank, dtype=dtypes.int64)
    states[:, 1::2] = targets
    skips = registry["zeros"].function((n, 2 * longest + 1), dtype=dtypes.bool_)
    if longest > 1:
        skips[:, 3::2] = targets[:, 1:] != targets[:, :-1]
    return states, skips


def _later(row, by):
    """States moved on by some places; nothing enters at the start."""
    width = row.form.shape[1]
    lead = registry["full"].function((row.form.shape[0], min(by, width)), NEVER,
                                     dtype=row.form.dtype)
    if width <= by:
        return lead
    return registry["cat"].function([lead, row.narrow(1, 0, width - by)], 1)


def _log_sum(a, b, c):
    """log(exp a + exp b + exp c), without nan where all are never."""
    top = a.maximum(b).maximum(c)
    top = top.masked_fill(top == NEVER, 0.0)
    return ((a - top).exp() + (b - top).exp() + (c - top).exp()).log() + top


def _emissions(log_probs, states):
    """(T, N, 2 S + 1): the log-probability of each state's label at each time."""
    steps = log_probs.form.shape[0]
    return log_probs.gather(2, states.unsqueeze(0).expand((steps, *states.form.shape)))


def _forward(emissions, skips):
    """alpha, a list of (N, 2 S + 1) by time."""
    n, width = skips.form.shape
    row = registry["full"].function((n, width), NEVER, dtype=emissions.form.dtype)
    row[:, : min(2, width)] = emissions[0, :, : min(2, width)]
    rows = [row]
    for t in range(1, emissions.form.shape[0]):
        past = _later(row, 2).masked_fill(~skips, NEVER)
        row = _log_sum(row, _later(row, 1), past) + emissions[t]
        rows.append(row)
    return rows


def _lengths(values, name, n):
    """Lengths as a list of ints."""
    if isinstance(values, Tensor):
        if values.form.dtype.is_floating_point or values.form.dtype is dtypes.bool_:
            raise RuntimeError(f"{name} must be integral")
        values = values.tolist()
        values = [values] if isinstance(values, int) else values
    values = [int(v) for v in values]
    if len(values) != n:
        raise RuntimeError(f"{name} must be of size batch_size")
    return values


def _padded(targets, lengths):
    """(N, S) labels, those behind a sample's length 0."""
    n, longest = len(lengths), max(lengths, default=0)
    if targets.form.ndim == 1:
        if targets.form.numel != sum(lengths):
            raise RuntimeError(
                f"Expected targets to have size at least the sum of its lengths {sum(lengths)}, "
                f"but got {targets.form.numel}"
            )
        padded = registry["zeros"].function((n, longest), dtype=dtypes.int64)
        start = 0
        for k, length in enumerate(lengths):
            padded[k, :length] = targets[start : start + length]
            start += length
        return padded
    if targets.form.shape[0] != n:
        raise RuntimeError(
            f"Expected tensor to have size {n} at dimension 0, but got size "
            f"{targets.form.shape[0]} for argument #2 'targets' (while checking arguments for "
            "ctc_loss_cpu)"
        )
    if targets.form.shape[1] < longest:
        raise RuntimeError(
            f"Expected tensor to have size at least {longest} at dimension 1, but got size "
            f"{list(targets.form.shape)} for argument #2 'targets' (while checking arguments for "
            "ctc_loss_cpu)"
        )
    kept = targets.narrow(1, 0, longest).to(dtypes.int64)
    beyond = registry["arange"].function(longest) >= _column(lengths)
    return kept.masked_fill(beyond, 0)


def _column(lengths):
    return registry["tensor"].function(lengths, dtype=dtypes.int64).unsqueeze(1)


@operation("ctc_alignments(Tensor log_probs, Tensor targets, int[] input_lengths, int[] "
           "target_lengths, int blank) -> (Tensor, Tensor)")
def ctc_alignments(log_probs, targets, input_lengths, target_lengths, blank):
    """(N) losses of (T, N, C) and padded (N, S) targets, and alpha (N, T, 2 S + 1)."""
    states, skips = _states(targets, target_lengths, blank)
    alpha = registry["stack"].function(_forward(_emissions(log_probs, states), skips), 1)
    # Where a sample ends: at the last label or the blank behind it, when its input ends.
    n, steps, width = alpha.form.shape
    last = _column(target_lengths) * 2
    time = (_column(input_lengths) - 1).clamp_min(0).unsqueeze(2).expand(n, 1, width)
    final = alpha.gather(1, time).squeeze(1)
    ends = final.gather(1, last)
    before = final.gather(1, (last - 1).clamp_min(0)).masked_fill(last == 0, NEVER)
    never = registry["full_like"].function(ends, NEVER)
    losses = -_log_sum(ends, before, never).squeeze(1)
    # Without input only the empty sequence is certain.
    for k, length in enumerate(input_lengths):
        if length == 0:
            losses[k] = 0.0 if target_lengths[k] == 0 else float("inf")
    return losses, alpha


ctc_alignments.node_name = "CtcLossBackward0"
ctc_alignments.tensor_names = ("log_probs",)
ctc_alignments.differentiable_outputs, ctc_alignments.kept_outputs = (0,), (0, 1)


@ctc_alignments.gradient
def _(g, ys, log_probs, targets, input_lengths, target_lengths, blank):
    return registry["ctc_backward"].function(
        g[0], ys[0].detach(), ys[1].detach(), log_probs, targets, input_lengths, target_lengths,
        blank
    )


@operation("ctc_backward(Tensor grad, Tensor losses, Tensor alpha, Tensor log_probs, Tensor "
           "targets, int[] input_lengths, int[] target_lengths, int blank) -> Tensor")
def ctc_backward(grad, losses, alpha, log_probs, targets, input_lengths, target_lengths, blank):
    """exp(log_probs) - the probability of each label at each time given the target.

    As in torch this is the gradient with respect to what a log_softmax made the input of, taken
    for that of its result: both agree once it has gone through log_softmax.
    """
    steps, n, classes = log_probs.form.shape
    states, skips = _states(targets, target_lengths, blank)
    emissions = _emissions(log_probs, states)
    width = states.form.shape[1]
    numbers = registry["arange"].function(width)
    last = _column(target_lengths) * 2
    ending = (numbers == last) | (numbers == last - 1)
    input_ends = _column(input_lengths) - 1
    # beta runs back from each sample's own end: states flipped, it is the same recursion.
    inside = numbers <= last
    onward = registry["zeros"].function((n, width), dtype=dtypes.bool_)
    if width > 2:
        onward[:, :-2] = skips[:, 2:]
    row = registry["full"].function((n, width), NEVER, dtype=emissions.form.dtype)
    rows = []
    for t in range(steps - 1, -1, -1):
        flipped = row.flip(1)
        one, two = _later(flipped, 1).flip(1), _later(flipped, 2).flip(1)
        moved = _log_sum(row, one, two.masked_fill(~onward, NEVER)) + emissions[t]
        started = emissions[t].masked_fill(~ending, NEVER)
        where = registry["where"].function
        row = where(input_ends == t, started, where(input_ends > t, moved, NEVER))
        row = row.masked_fill(~inside, NEVER)
        rows.append(row)
    beta = registry["stack"].function(rows[::-1], 0)
    # (T, N, 2 S + 1): log of the share of all paths that pass a state at a time
    passing = alpha.permute(1, 0, 2) + beta - emissions + losses.reshape(1, n, 1)
    passing = passing.masked_fill(beta == NEVER, NEVER).exp()
    shares = registry["zeros"].function((steps, n, classes), dtype=log_probs.form.dtype)
    index = states.unsqueeze(0).expand(steps, n, width)
    shares = shares.scatter_add(2, index, passing)
    grad = grad.reshape(1, n, 1)
    # An infinite loss has no gradient, and none is asked for where it counts as 0.
    found = ((log_probs.exp() - shares) * grad).masked_fill(grad == 0, 0.0)
    late = registry["arange"].function(steps).unsqueeze(1) >= _column(input_lengths).squeeze(1)
    return found.masked_fill(late.unsqueeze(2), 0.0)


def _check(log_probs, targets, blank, inputs, lengths):
    steps, n, classes = log_probs.form.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for length in inputs:
        if length < 0:
            raise RuntimeError(
                f"Expected input_lengths to have value at least 0, but got value {length} "
                "(while checking arguments for ctc_loss_cpu)"
            )
        if length > steps:
            raise RuntimeError(
                f"Expected input_lengths to have value at most {steps}, but got value {length} "
                "(while checking arguments for ctc_loss_cpu)"
            )
    for length in lengths:
        if length < 0:
            raise RuntimeError(
                f"Expected target_lengths to have value at least 0, but got value {length} "
                "(while checking arguments for ctc_loss_cpu)"
            )
    if targets.form.numel and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise RuntimeError(f"ctc_loss: expected labels from 0 to {classes - 1}")


@composite(
    (
        "ctc_loss.IntList(Tensor log_probs, Tensor targets, int[] input_lengths, int[] "
        "target_lengths, int blank=0, int reduction=Mean, bool zero_infinity=False) -> Tensor",
        "ctc_loss.Tensor(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor "
        "target_lengths, int blank=0, int reduction=Mean, bool zero_infinity=False) -> Tensor",
    )
)
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=1,
             zero_infinity=False):
    """Minus the log-probability, in nats, of all alignments of label sequences.

    (T, N, C) log-probabilities, or (T, C) for one sample; (N, S) padded targets or all of them end
    to end. The mean divides a sample's loss by the length of its target first.
    """
    if log_probs.form.ndim not in (2, 3):
        raise RuntimeError("log_probs tensor must be 2-D or 3-D")
    if log_probs.form.dtype not in (dtypes.float32, dtypes.float64):
        raise NotImplementedError(
            f"\"ctc_loss_cpu\" not implemented for '{dtype_word(log_probs.form.dtype)}'"
        )
    if targets.form.kind not in ("i32", "i64"):
        raise RuntimeError(
            "Expected tensor for argument #2 'targets' to have one of the following scalar types: "
            f"Long, Int; but got {dtype_word(targets.form.dtype)}"
        )
    number = REDUCTIONS.get(reduction) if isinstance(reduction, str) else reduction
    if number not in (0, 1, 2):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    batched = log_probs.form.ndim == 3
    x = log_probs if batched else log_probs.unsqueeze(1)
    n = x.form.shape[1]
    inputs = _lengths(input_lengths, "input_lengths", n)
    lengths = _lengths(target_lengths, "target_lengths", n)
    if targets.form.ndim not in (1, 2):
        raise RuntimeError("targets must be 1-D or 2-D")
    _check(x, targets.reshape(-1)[:0], blank, inputs, lengths)
    padded = _padded(targets, lengths)
    _check(x, padded, blank, inputs, lengths)
    losses = ctc_alignments.function(x, padded, tuple(inputs), tuple(lengths), blank)[0]
    if zero_infinity:
        losses = registry["where"].function(losses == float("inf"), 0.0, losses)
    if number == 1:
        counts = registry["tensor"].function(lengths, dtype=losses.form.dtype).clamp_min(1)
        return (losses / counts).mean()
    if number == 2:
        return losses.sum()
    return losses if batched else losses.squeeze(0)


# Where records stand that are no functions of torch itself.
for _name in ("ctc_alignments", "ctc_backward"):
    registry[_name].namespace = "internal"
    registry[_name].method = False
