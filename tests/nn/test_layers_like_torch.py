"""Every layer against PyTorch's: values, gradients, buffers, first weights, errors.

A row is a call that both packages understand and what it is called on.
"""

import numpy as np
import pytest

import facula
from facula import nn, ops

Shape = tuple[int, ...]

# --- layers: (call, shape of the input) --------------------------------------------------------

LAYERS: list[tuple[str, Shape]] = [
    ("Identity()", (2, 3)),
    ("Linear(5, 3)", (4, 5)),
    ("Linear(5, 3, bias=False)", (2, 4, 5)),
    ("Linear(5, 3)", (5,)),
    ("Flatten()", (2, 3, 4)),
    ("Flatten(0, 1)", (2, 3, 4)),
    ("Unflatten(1, (2, 3))", (4, 6)),
    ("Conv2d(3, 4, 3)", (2, 3, 8, 7)),
    ("Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 2), bias=False)", (2, 3, 8, 7)),
    ("Conv2d(4, 6, 3, padding=2, dilation=2, groups=2)", (2, 4, 8, 7)),
    ("Conv2d(3, 3, 3, groups=3, padding=1)", (2, 3, 6, 6)),
    ("Conv2d(3, 4, 1)", (2, 3, 5, 5)),
    ("Conv2d(3, 4, 3)", (3, 8, 7)),
    ("Conv2d(3, 4, 3, padding='same')", (2, 3, 8, 7)),
    ("Conv2d(3, 4, (2, 4), padding='same')", (2, 3, 8, 7)),
    ("Conv2d(3, 4, 3, padding='valid')", (2, 3, 8, 7)),
    ("Conv2d(3, 4, 3, padding=(1, 2), padding_mode='reflect')", (2, 3, 6, 7)),
    ("Conv2d(3, 4, 3, padding=2, padding_mode='replicate')", (2, 3, 6, 7)),
    ("Conv2d(3, 4, 3, padding='same', padding_mode='circular')", (2, 3, 6, 7)),
    ("BatchNorm1d(5)", (4, 5)),
    ("BatchNorm1d(5, eps=1e-3, momentum=0.3)", (4, 5, 3)),
    ("BatchNorm1d(5, affine=False)", (4, 5)),
    ("BatchNorm2d(3)", (2, 3, 4, 5)),
    ("BatchNorm2d(3, momentum=None)", (2, 3, 4, 5)),
    ("BatchNorm2d(3, track_running_stats=False)", (2, 3, 4, 5)),
    ("BatchNorm2d(3, bias=False)", (2, 3, 4, 5)),
    ("BatchNorm3d(3)", (2, 3, 2, 4, 3)),
    ("InstanceNorm1d(3)", (2, 3, 4)),
    ("InstanceNorm2d(3, affine=True)", (3, 4, 5)),
    ("InstanceNorm2d(3, affine=True, track_running_stats=True)", (2, 3, 4, 5)),
    ("InstanceNorm3d(3, affine=True, bias=False)", (2, 3, 2, 4, 3)),
    ("LayerNorm(5)", (4, 3, 5)),
    ("LayerNorm((3, 5), eps=1e-3)", (4, 3, 5)),
    ("LayerNorm(5, elementwise_affine=False)", (4, 5)),
    ("LayerNorm(5, bias=False)", (4, 5)),
    ("GroupNorm(2, 6)", (3, 6, 4)),
    ("GroupNorm(3, 6, affine=False)", (3, 6, 2, 2)),
    ("LocalResponseNorm(3)", (2, 5, 4)),
    ("LocalResponseNorm(2, 0.5, 0.5, 2.0)", (2, 5, 4, 3)),
    ("RMSNorm(5)", (4, 3, 5)),
    ("RMSNorm((3, 5), eps=1e-3)", (4, 3, 5)),
    ("RMSNorm(5, elementwise_affine=False)", (4, 5)),
    ("MaxPool2d(2)", (2, 3, 6, 7)),
    ("MaxPool2d(3, stride=2, padding=1)", (2, 3, 7, 8)),
    ("MaxPool2d((2, 3), stride=(1, 2), dilation=(2, 1), ceil_mode=True)", (2, 3, 7, 8)),
    ("MaxPool2d(2)", (3, 6, 7)),
    ("AvgPool2d(2)", (2, 3, 6, 7)),
    ("AvgPool2d((3, 2), stride=1, padding=1)", (2, 3, 6, 7)),
    ("AvgPool2d(3, padding=1, count_include_pad=False, ceil_mode=True)", (2, 3, 6, 7)),
    ("AvgPool2d(2, divisor_override=3)", (2, 3, 6, 7)),
    ("AdaptiveAvgPool2d(1)", (2, 3, 6, 7)),
    ("AdaptiveAvgPool2d((5, None))", (2, 3, 7, 6)),
    ("AdaptiveAvgPool2d((3, 4))", (2, 3, 7, 6)),
    ("AdaptiveAvgPool2d(2)", (3, 7, 6)),
    ("ReLU()", (3, 4)),
    ("ReLU6()", (3, 4)),
    ("LeakyReLU(0.2)", (3, 4)),
    ("ELU(0.5)", (3, 4)),
    ("SELU()", (3, 4)),
    ("CELU(0.7)", (3, 4)),
    ("GELU()", (3, 4)),
    ("GELU('tanh')", (3, 4)),
    ("GLU()", (3, 4)),
    ("GLU(0)", (4, 3)),
    ("SiLU()", (3, 4)),
    ("Mish()", (3, 4)),
    ("Sigmoid()", (3, 4)),
    ("Tanh()", (3, 4)),
    ("Softplus()", (3, 4)),
    ("Softplus(3, 2)", (3, 4)),
    ("Softsign()", (3, 4)),
    ("Softshrink(0.4)", (3, 4)),
    ("Hardshrink(0.4)", (3, 4)),
    ("Tanhshrink()", (3, 4)),
    ("Hardtanh(-0.5, 0.7)", (3, 4)),
    ("Hardsigmoid()", (3, 4)),
    ("Hardswish()", (3, 4)),
    ("LogSigmoid()", (3, 4)),
    ("PReLU()", (3, 4)),
    ("PReLU(4)", (3, 4, 2)),
    ("Threshold(0.1, 20)", (3, 4)),
    ("Softmax(dim=-1)", (3, 4)),
    ("Softmax(dim=0)", (3, 4)),
    ("LogSoftmax(dim=1)", (3, 4, 2)),
    ("Softmin(dim=1)", (3, 4)),
    ("Sequential(Linear(4, 8), BatchNorm1d(8), Tanh(), Linear(8, 2))", (5, 4)),
    ("Sequential(Conv2d(1, 2, 3), ReLU(True), MaxPool2d(2), Flatten(), ReLU6())", (2, 1, 8, 8)),
]  # fmt: skip
INPLACE = [
    "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "SiLU", "Mish", "Hardtanh", "Hardsigmoid",
    "Hardswish",
]  # fmt: skip


def close(ours, theirs, what: str) -> None:
    ours, theirs = ours.detach().numpy(), theirs.detach().numpy()
    assert ours.dtype == theirs.dtype, what
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5, err_msg=what)


def pair(torch, call: str):
    """The same layer from both packages, with the same weights."""
    torch.manual_seed(0)
    theirs = eval(call, vars(torch.nn))
    ours = eval(call, vars(nn))
    values = {name: ops.tensor(value.tolist(), dtype=value_dtype(value))
              for name, value in theirs.state_dict().items()}  # fmt: skip
    ours.load_state_dict(values)
    return ours, theirs


def value_dtype(value):
    return facula.float32 if value.is_floating_point() else facula.int64


def numbers(shape: Shape, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def leaves(torch, array: np.ndarray):
    return ops.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)


def compare(ours, theirs, ours_in, theirs_in, ours_out, theirs_out) -> None:
    """Outputs, then all gradients of a sum weighted by fixed numbers."""
    assert tuple(ours_out.shape) == tuple(theirs_out.shape)
    close(ours_out, theirs_out, "output")
    weights = numbers(tuple(theirs_out.shape), 9)
    (ours_out * ops.tensor(weights)).sum().backward()
    (theirs_out * theirs_out.new_tensor(weights)).sum().backward()
    for i, (mine, its) in enumerate(zip(ours_in, theirs_in, strict=True)):
        close(mine.grad, its.grad, f"gradient of input {i}")
    its = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        close(parameter.grad, its[name].grad, f"gradient of {name}")
    its = dict(theirs.named_buffers())
    for name, buffer in ours.named_buffers():
        close(buffer, its[name], name)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize(("call", "shape"), LAYERS, ids=[f"{c}-{s}" for c, s in LAYERS])
def test_values_and_gradients(torch, call: str, shape: Shape) -> None:
    ours, theirs = pair(torch, call)
    x, y = leaves(torch, numbers(shape))
    compare(ours, theirs, [x], [y], ours(x), theirs(y))


@pytest.mark.parametrize("call", [call for call, _ in LAYERS if "BatchNorm" in call])
def test_batch_norm_in_evaluation(torch, call: str) -> None:
    shape = dict(LAYERS)[call]
    ours, theirs = pair(torch, call)
    for seed in (1, 2):
        ours(ops.tensor(numbers(shape, seed)))
        theirs(torch.tensor(numbers(shape, seed)))
    ours.eval()
    theirs.eval()
    x, y = leaves(torch, numbers(shape))
    compare(ours, theirs, [x], [y], ours(x), theirs(y))


@pytest.mark.parametrize("name", INPLACE)
def test_inplace_activations_write_over_their_input(torch, name: str) -> None:
    ours, theirs = getattr(nn, name)(inplace=True), getattr(torch.nn, name)(inplace=True)
    x, y = leaves(torch, numbers((3, 4)))
    before, its_before = x * 1, y * 1
    after, its_after = ours(before), theirs(its_before)
    assert after is before
    compare(ours, theirs, [x], [y], after, its_after)


def test_max_pool_returns_where_the_largest_stood(torch) -> None:
    call = "MaxPool2d(3, stride=2, padding=1, return_indices=True)"
    ours, theirs = pair(torch, call)
    x, y = leaves(torch, numbers((2, 3, 7, 6)))
    (values, places), (its_values, its_places) = ours(x), theirs(y)
    close(places, its_places, "indices")
    compare(ours, theirs, [x], [y], values, its_values)


# --- embedding -----------------------------------------------------------------------------------

EMBEDDINGS = [
    "Embedding(6, 3)",
    "Embedding(6, 3, padding_idx=2)",
    "Embedding(6, 3, max_norm=1.0)",
    "Embedding(6, 3, max_norm=2.0, norm_type=1.0, padding_idx=-1)",
    "Embedding(6, 3, scale_grad_by_freq=True)",
]


@pytest.mark.parametrize("call", EMBEDDINGS)
def test_embedding(torch, call: str) -> None:
    ours, theirs = pair(torch, call)
    indices = [[0, 2, 5], [2, 2, 1]]
    mine, its = ours(ops.tensor(indices)), theirs(torch.tensor(indices))
    compare(ours, theirs, [], [], mine, its)
    close(ours.weight, theirs.weight, "weight")


def test_embedding_from_pretrained(torch) -> None:
    table = numbers((4, 2))
    ours = nn.Embedding.from_pretrained(ops.tensor(table))
    theirs = torch.nn.Embedding.from_pretrained(torch.tensor(table))
    assert not ours.weight.requires_grad
    close(ours(ops.tensor([3, 1])), theirs(torch.tensor([3, 1])), "rows")
    assert repr(ours) == repr(theirs)


# --- losses: (call, shape of the input, target) ------------------------------------------------

LOSSES: list[tuple[str, Shape, str]] = [
    ("MSELoss()", (3, 4), "like"),
    ("MSELoss(reduction='sum')", (3, 4), "like"),
    ("MSELoss(reduction='none')", (3, 4), "like"),
    ("L1Loss()", (3, 4), "like"),
    ("L1Loss(reduction='sum')", (3, 4), "like"),
    ("SmoothL1Loss()", (3, 4), "like"),
    ("SmoothL1Loss(beta=0.5, reduction='none')", (3, 4), "like"),
    ("SmoothL1Loss(beta=0.0)", (3, 4), "like"),
    ("HuberLoss(delta=0.7)", (3, 4), "like"),
    ("HuberLoss(reduction='none')", (3, 4), "like"),
    ("CrossEntropyLoss()", (4, 5), "classes"),
    ("CrossEntropyLoss(reduction='none')", (4, 5), "classes"),
    ("CrossEntropyLoss(reduction='sum', label_smoothing=0.1)", (4, 5), "classes"),
    ("CrossEntropyLoss(ignore_index=2)", (4, 5), "classes"),
    ("CrossEntropyLoss(ignore_index=2, label_smoothing=0.2, weight=WEIGHT)", (4, 5), "classes"),
    ("CrossEntropyLoss(weight=WEIGHT)", (4, 5), "classes"),
    ("CrossEntropyLoss(weight=WEIGHT, reduction='none')", (4, 5, 2, 3), "classes"),
    ("CrossEntropyLoss()", (5,), "classes"),
    ("CrossEntropyLoss()", (4, 5), "distribution"),
    ("CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1)", (4, 5), "distribution"),
    ("CrossEntropyLoss(reduction='none')", (4, 5, 3), "distribution"),
    ("NLLLoss()", (4, 5), "classes"),
    ("NLLLoss(weight=WEIGHT, ignore_index=1)", (4, 5, 2), "classes"),
    ("NLLLoss(reduction='none')", (4, 5), "classes"),
    ("BCELoss()", (3, 4), "unit"),
    ("BCELoss(weight=ROW, reduction='sum')", (3, 4), "unit"),
    ("BCEWithLogitsLoss()", (3, 4), "unit"),
    ("BCEWithLogitsLoss(weight=ROW, pos_weight=ROW, reduction='none')", (3, 4), "unit"),
    ("KLDivLoss(reduction='batchmean')", (3, 4), "distribution"),
    ("KLDivLoss(reduction='sum', log_target=True)", (3, 4), "like"),
    ("KLDivLoss(reduction='none')", (3, 4), "distribution"),
]


def target_of(kind: str, shape: Shape) -> np.ndarray:
    rng = np.random.default_rng(5)
    if kind == "classes":
        return rng.integers(0, 5, (*shape[:1], *shape[2:]) if len(shape) > 1 else ())
    if kind == "unit":
        return rng.random(shape).astype(np.float32)
    if kind == "distribution":
        drawn = rng.random(shape).astype(np.float32)
        return drawn / drawn.sum(1, keepdims=True)
    return numbers(shape, 3)


@pytest.mark.parametrize(
    ("call", "shape", "kind"), LOSSES, ids=[f"{c}-{s}-{k}" for c, s, k in LOSSES]
)
def test_losses(torch, call: str, shape: Shape, kind: str) -> None:
    rows = {"WEIGHT": [0.5, 1.0, 2.0, 0.1, 3.0], "ROW": [0.5, 2.0, 1.0, 0.3]}
    ours = eval(call, {**vars(nn), **{name: ops.tensor(row) for name, row in rows.items()}})
    theirs = eval(call, {**vars(torch.nn), **{n: torch.tensor(row) for n, row in rows.items()}})
    array = numbers(shape)
    if call.startswith("BCELoss"):
        array = (1 / (1 + np.exp(-array))).astype(np.float32)
    x, y = leaves(torch, array)
    target = target_of(kind, shape)
    mine, its = ours(x, ops.tensor(target)), theirs(y, torch.tensor(target))
    compare(ours, theirs, [x], [y], mine, its)


# --- randomness --------------------------------------------------------------------------------

DRAWN = [
    "Linear(7, 5)", "Linear(64, 32)", "Conv2d(3, 8, 3)",
    "Conv2d(4, 6, (2, 3), groups=2, bias=False)", "Embedding(5, 4, padding_idx=1)",
    "Embedding(20, 8)",
    "Sequential(Linear(4, 3), BatchNorm1d(3), PReLU(), Linear(3, 2), LayerNorm(2))",
]  # fmt: skip


@pytest.mark.parametrize("call", DRAWN)
def test_the_same_seed_draws_the_same_weights(torch, call: str) -> None:
    torch.manual_seed(42)
    theirs = eval(call, vars(torch.nn)).state_dict()
    facula.manual_seed(42)
    ours = eval(call, vars(nn)).state_dict()
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        np.testing.assert_allclose(value.numpy(), theirs[name].numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        ("Dropout()", (5, 7)),
        ("Dropout(0.2)", (40,)),
        ("Dropout(0.0)", (5,)),
        ("Dropout(1.0)", (5,)),
        ("Dropout2d(0.4)", (3, 6, 2, 2)),
        ("Dropout2d(1.0)", (3, 6, 2, 2)),
    ],
)
def test_the_same_seed_drops_the_same_elements(torch, call: str, shape: Shape) -> None:
    ours, theirs = pair(torch, call)
    x, y = leaves(torch, numbers(shape))
    facula.manual_seed(3)
    mine = ours(x)
    torch.manual_seed(3)
    compare(ours, theirs, [x], [y], mine, theirs(y))
    ours.eval()
    assert ours(x).tolist() == x.tolist()


@pytest.mark.parametrize("name", ["Dropout", "Dropout2d"])
def test_dropout_in_place(torch, name: str) -> None:
    ours, theirs = getattr(nn, name)(0.5, True), getattr(torch.nn, name)(0.5, True)
    x, y = leaves(torch, numbers((2, 4, 2, 2)))
    before, its_before = x * 1, y * 1
    facula.manual_seed(3)
    mine = ours(before)
    torch.manual_seed(3)
    compare(ours, theirs, [x], [y], mine, theirs(its_before))


# --- errors ------------------------------------------------------------------------------------

WRONG: list[tuple[str, Shape]] = [
    ("Linear(3, 2)", (4, 5)),
    ("Conv2d(3, 4, 3)", (2, 1, 8, 8)),
    ("Conv2d(1, 1, 3)", (1, 1, 2, 2)),
    ("Conv2d(1, 1, 3)", (2, 2)),
    ("BatchNorm1d(3)", (2, 3, 4, 5)),
    ("BatchNorm1d(3)", (1, 3)),
    ("BatchNorm2d(3)", (2, 3)),
    ("BatchNorm2d(3)", (2, 4, 5, 5)),
    ("BatchNorm3d(3)", (2, 3, 4, 4)),
    ("InstanceNorm2d(3)", (3, 4)),
    ("InstanceNorm2d(3, affine=True)", (4, 3, 3)),
    ("LayerNorm(5)", (2, 4)),
    ("RMSNorm(5)", (2, 4)),
    ("MaxPool2d(2)", (4,)),
    ("MaxPool2d(2, padding=2)", (1, 1, 4, 4)),
    ("GLU()", (3, 3)),
    ("GroupNorm(2, 4)", (4,)),
]
REFUSED = [
    "Conv2d(3, 4, 3, groups=2)", "Conv2d(4, 3, 3, groups=2)", "Conv2d(3, 4, 3, groups=0)",
    "Conv2d(1, 1, 3, padding='same', stride=2)", "Dropout(1.5)", "Dropout2d(-0.1)",
    "GroupNorm(4, 6)", "Embedding(3, 2, padding_idx=3)", "Hardtanh(2, 1)",
    "HuberLoss(delta='x')", "Unflatten(1, 3)", "Unflatten(1, (2, 'x'))",
]  # fmt: skip


@pytest.mark.parametrize(("call", "shape"), WRONG, ids=[f"{c}-{s}" for c, s in WRONG])
def test_wrong_inputs_raise_what_torch_raises(torch, call: str, shape: Shape) -> None:
    caught = []
    for module, ones in (
        (eval(call, vars(torch.nn)), torch.ones),
        (eval(call, vars(nn)), ops.ones),
    ):
        with pytest.raises(Exception) as error:
            module(ones(*shape))
        caught.append(error.value)
    assert type(caught[1]) is type(caught[0])
    assert str(caught[1]).splitlines()[0] == str(caught[0]).splitlines()[0]


@pytest.mark.parametrize("call", REFUSED)
def test_wrong_arguments_raise_what_torch_raises(torch, call: str) -> None:
    with pytest.raises(Exception) as theirs:
        eval(call, vars(torch.nn))
    with pytest.raises(type(theirs.value)) as ours:
        eval(call, vars(nn))
    assert str(ours.value) == str(theirs.value)
