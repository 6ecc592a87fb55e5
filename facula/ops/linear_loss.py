"""Cross entropy of a linear layer's results, of which only some rows exist at a time."""

from facula.op import operation, registry


def _logits(rows, weight, bias):
    made = rows.matmul(weight.transpose(0, 1))
    return made if bias is None else made + bias


@operation("linear_losses(Tensor input, Tensor weight, Tensor target, Tensor? bias, Tensor scale, "
           "int rows, ScalarType dtype) -> Tensor")
def linear_losses(input, weight, target, bias, scale, rows, dtype):
    """(N) losses -scale log softmax(input weight^T + bias)[target] of (N, E) inputs, (C, E)
    weights; `rows` at a time, computed in `dtype`."""
    found = []
    weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
    for first in range(0, input.form.shape[0], rows):
        count = min(rows, input.form.shape[0] - first)
        logits = _logits(input.narrow(0, first, count).to(dtype), weight, bias)
        chosen = logits.gather(1, target.narrow(0, first, count).unsqueeze(1)).squeeze(1)
        found.append(logits.logsumexp(1) - chosen)
    return (registry["cat"].function(found) * scale.to(dtype)).to(input.form.dtype)


linear_losses.node_name = "LinearCrossEntropyBackward0"
linear_losses.tensor_names = ("input", "weight", "bias")


@linear_losses.gradient
def _(g, input, weight, target, bias, scale, rows, dtype, needs):
    steps = (g.to(dtype) * scale.to(dtype)).unsqueeze(1)
    wide, shift = weight.to(dtype), None if bias is None else bias.to(dtype)
    classes = registry["arange"].function(weight.form.shape[0])
    dx, dw, db = [], None, None
    for first in range(0, input.form.shape[0], rows):
        count = min(rows, input.form.shape[0] - first)
        x = input.narrow(0, first, count).to(dtype)
        p = _logits(x, wide, shift).softmax(1)
        hit = target.narrow(0, first, count).unsqueeze(1) == classes
        step = (p - hit.to(dtype)) * steps.narrow(0, first, count)
        if needs[0]:
            dx.append(step.matmul(wide))
        if needs[1]:
            one = step.transpose(0, 1).matmul(x)
            dw = one if dw is None else dw + one
        if needs[2]:
            two = step.sum(0)
            db = two if db is None else db + two
    return (
        registry["cat"].function(dx).to(input.form.dtype) if dx else None,
        None if dw is None else dw.to(weight.form.dtype),
        None if db is None or bias is None else db.to(bias.form.dtype),
    )




registry["linear_losses"].namespace = "internal"
registry["linear_losses"].method = False
