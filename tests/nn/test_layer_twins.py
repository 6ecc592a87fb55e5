"""Losses, dropouts, distances, attention and bags as layers against PyTorch's: printed form, state,
first weights, values and gradients."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula

X = np.random.default_rng(3).standard_normal((4, 6, 8)).astype("float32")
WAYS = "torch.tensor([1.0, -1.0, 1.0, -1.0])"

# A layer, and what it is called on; x is (4, 6, 8), y is x turned by one place.
ROWS = [
    ("AlphaDropout(0.3)", "x"),
    ("FeatureAlphaDropout(0.3)", "x"),
    ("Dropout1d(0.3)", "x"),
    ("Dropout2d(0.3, inplace=True)", "x[None].detach()"),
    ("Dropout3d(0.3)", "x[None, None]"),
    ("RReLU()", "x"),
    ("RReLU(0.2, 0.3, inplace=True).eval()", "x + 0"),
    ("Softmax2d()", "x"),
    ("Bilinear(8, 8, 3)", "x, y"),
    ("Bilinear(8, 8, 3, bias=False)", "x, y"),
    ("PairwiseDistance(p=1, keepdim=True)", "x, y"),
    ("CosineSimilarity(dim=2)", "x, y"),
    ("SoftMarginLoss()", "x, torch.ones(4, 6, 8)"),
    ("MarginRankingLoss(0.3)", "x, y, torch.ones(4, 6, 8)"),
    ("HingeEmbeddingLoss(reduction='sum')", "x, torch.ones(4, 6, 8)"),
    ("MultiMarginLoss(2, 0.5, weight=torch.arange(8.0))", "x[0], torch.tensor([1, 2, 3, 0, 7, 5])"),
    ("MultiLabelMarginLoss()", "x[0, 0], torch.tensor([3, 0, -1, 4, 1, 1, 1, 1])"),
    ("MultiLabelSoftMarginLoss()", "x, torch.ones(4, 6, 8)"),
    ("CosineEmbeddingLoss(0.1)", f"x[:, 0], y[:, 0], {WAYS}"),
    ("TripletMarginLoss(swap=True)", "x, y, x * 2"),
    ("TripletMarginWithDistanceLoss(margin=2.0)", "x, y, x * 2"),
    ("PoissonNLLLoss(full=True)", "x, torch.ones(4, 6, 8) * 2"),
    ("GaussianNLLLoss()", "x, y, torch.ones(4, 6, 8)"),
    ("CTCLoss()", "x.log_softmax(2), torch.ones(6, 2, dtype=torch.int64), (4,) * 6, (1,) * 6"),
    ("FractionalMaxPool2d((2, 3), output_ratio=0.6)", "x"),
    ("FractionalMaxPool3d(2, 2)", "x[None]"),
    ("EmbeddingBag(9, 3)", "torch.tensor([[1, 2], [8, 0]])"),
    (
        "EmbeddingBag(9, 3, max_norm=1.0, mode='max', padding_idx=-1)",
        "torch.tensor([1, 2, 8, 0]), torch.tensor([0, 1])",
    ),
    ("MultiheadAttention(8, 2)", "x, x, x"),
    ("MultiheadAttention(8, 2, batch_first=True)", "x, y, y, None, False"),
    ("MultiheadAttention(8, 4, dropout=0.2, add_bias_kv=True, add_zero_attn=True)", "x, x, x"),
    ("MultiheadAttention(8, 2, kdim=6, vdim=4, bias=False)", "x, x[..., :6], x[..., :4]"),
    (
        "MultiheadAttention(8, 2)",
        "x, x, x, torch.ones(6, 4) < 0, True, torch.ones(4, 4).triu(1) > 0, False",
    ),
    ("MultiheadAttention(8, 2)", "x[0], x[0], x[0], None, False"),
    ("TransformerEncoderLayer(8, 2, 16)", "x"),
    ("TransformerEncoderLayer(8, 2, 16, 0.0, 'gelu', batch_first=True, norm_first=True)", "x"),
    ("TransformerDecoderLayer(8, 2, 16, bias=False)", "x, y"),
    (
        "TransformerDecoderLayer(8, 2, 16, 0.3, norm_first=True)",
        "x, y, torch.nn.Transformer.generate_square_subsequent_mask(4)",
    ),
    (
        "TransformerEncoder(torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)",
        "x, torch.nn.Transformer.generate_square_subsequent_mask(6)",
    ),
    (
        "Transformer(8, 2, 2, 2, 16, 0.1, batch_first=True)",
        "x, y[:, :5], None, torch.nn.Transformer.generate_square_subsequent_mask(5)",
    ),
    ("AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], div_value=2.0)", "x[0], torch.arange(6) * 3"),
    ("LinearCrossEntropyLoss(8, 5, bias=True)", "x[0], torch.tensor([1, 2, 3, 0, 4, 2])"),
    (
        "LinearCrossEntropyLoss(8, 5, options=torch.nn.LinearCrossEntropyOptions("
        "batch_chunk_size=4))",
        "x[0], torch.tensor([1, 2, 3, 0, 4, 2])",
    ),
]


def run(package: ModuleType, made: str, called: str) -> tuple[Any, list[np.ndarray]]:
    """The layer, and all numbers of it and of a call."""
    package.manual_seed(5)
    layer = eval(f"torch.nn.{made}", {"torch": package})
    x = package.tensor(X, requires_grad=True)
    scope = {"torch": package, "x": x, "y": x.roll(1, 0)}
    results = layer(*eval(f"({called},)", scope))
    results = results if isinstance(results, tuple) else (results,)
    numbers = [v.detach().numpy() for v in layer.state_dict().values()]
    total = sum((r * r).sum() for r in results if r is not None)
    if total.requires_grad:
        total.backward()
        wanted = [x, *layer.parameters()]
        numbers += [np.zeros(1) if v.grad is None else v.grad.numpy() for v in wanted]
    return layer, [*numbers, *[r.detach().numpy() for r in results if r is not None]]


@pytest.mark.parametrize(("made", "called"), ROWS)
def test_layers_are_pytorchs(torch: ModuleType, made: str, called: str) -> None:
    ours, mine = run(facula, made, called)
    theirs, wanted = run(torch, made, called)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert len(mine) == len(wanted)
    for one, other in zip(mine, wanted, strict=True):
        np.testing.assert_allclose(one, other, 2e-4, 2e-5)


def test_predictions_of_adaptive_softmax(torch: ModuleType) -> None:
    found = []
    for package in (facula, torch):
        package.manual_seed(1)
        layer = package.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], 2.0, head_bias=True)
        x = package.tensor(X[0])
        found.append((layer.predict(x).numpy(), layer.log_prob(x).detach().numpy()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1], 1e-4, 1e-5)
