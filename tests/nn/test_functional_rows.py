"""Functions of torch.nn.functional against PyTorch's: values, gradients, second gradients.

A row is an expression that both packages understand, and its operands: name, shape and kind.
Kinds are f (floats, which get gradients), + (positive floats), s (1 or -1), i<n> (integers below
n), b (bools), c (positive constants), u (numbers in [0, 1) without gradients), 1 (integer ones).
"""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
from facula.nn import functional

ROWS = [
    ("F.soft_margin_loss(a, s)", "a:3,4 s:3,4:s"),
    ("F.soft_margin_loss(a, s, reduction='none')", "a:5 s:5:s"),
    ("F.margin_ranking_loss(a, b, s, 0.5)", "a:3,4 b:3,4 s:3,4:s"),
    ("F.hinge_embedding_loss(a, s, 0.7, reduction='sum')", "a:3,4 s:3,4:s"),
    ("F.cosine_embedding_loss(a, b, s, 0.2)", "a:5,4 b:5,4 s:5:s"),
    ("F.cosine_embedding_loss(a, b, s)", "a:4 b:4 s::s"),
    ("F.multi_margin_loss(a, i)", "a:5,4 i:5:i4"),
    ("F.multi_margin_loss(a, i, p=2, margin=0.5, weight=w)", "a:5,4 i:5:i4 w:4:c"),
    ("F.multi_margin_loss(a, i, reduction='none')", "a:4 i::i4"),
    ("F.multilabel_margin_loss(a, i - 1)", "a:5,4 i:5,4:i5"),
    ("F.multilabel_margin_loss(a, i - 1, reduction='none')", "a:4 i:4:i5"),
    ("F.multilabel_soft_margin_loss(a, t, w)", "a:5,4 t:5,4:c w:4:c"),
    ("F.triplet_margin_loss(a, b, c, swap=True)", "a:5,4 b:5,4 c:5,4"),
    ("F.triplet_margin_loss(a, b, c, p=3, margin=0.5, reduction='none')", "a:5,4 b:5,4 c:5,4"),
    ("F.triplet_margin_with_distance_loss(a, b, c, swap=True)", "a:5,4 b:5,4 c:5,4"),
    ("F.poisson_nll_loss(a, t, full=True)", "a:5,4 t:5,4:+"),
    ("F.poisson_nll_loss(a, t, log_input=False, reduction='sum')", "a:5,4:+ t:5,4:+"),
    ("F.gaussian_nll_loss(a, t, v, full=True)", "a:5,4 t:5,4 v:5,4:+"),
    ("F.gaussian_nll_loss(a, t, v)", "a:5,4 t:5,4 v:5:+"),
    ("F.gaussian_nll_loss(a, t, 0.5)", "a:5,4 t:5,4"),
    ("F.pairwise_distance(a, b)", "a:5,4 b:5,4"),
    ("F.pairwise_distance(a, b, p=1, keepdim=True)", "a:5,4 b:4"),
    ("torch.cdist(a, b)", "a:5,3 b:4,3"),
    ("torch.cdist(a, b, p=1.0)", "a:2,5,3 b:2,4,3"),
    ("torch.cdist(a, b, p=0.0)", "a:2,5,3 b:4,3"),
    ("torch.cdist(a, b, p=3.0)", "a:2,1,5,3 b:3,4,3"),
    ("torch.cdist(a, b, p=float('inf'))", "a:5,3 b:4,3"),
    ("torch.cdist(a, a)", "a:5,3"),
    ("F.pdist(a)", "a:5,3"),
    ("F.pdist(a, p=1.5)", "a:5,3"),
    ("F.bilinear(a, b, w, c)", "a:5,2,3 b:5,2,4 w:6,3,4 c:6"),
    ("F.pad(a, (1, -1, -2, 2), value=1.5)", "a:2,3,4,5"),
    ("F.pad(a, (-1, 1, -2, 1), 'circular')", "a:1,3,4,4"),
    ("torch.constant_pad_nd(a, (1, 2))", "a:3,4"),
    ("torch.native_layer_norm(a, (4,), w, c, 1e-5)[0]", "a:3,4 w:4 c:4"),
    ("torch.native_layer_norm(a.detach(), (4,), None, None, 1e-5)[2]", "a:3,4"),
    ("torch.native_group_norm(a, w, c, 2, 4, 3, 2, 1e-5)[0]", "a:2,4,3 w:4 c:4"),
    ("torch.native_batch_norm(a, w, c, None, None, True, 0.1, 1e-5)[2]", "a:5,4 w:4 c:4"),
    ("torch.ops.aten.native_dropout_backward(a, m, 2.0)", "a:5,4 m:5,4:b"),
    ("F.rrelu(a, 0.1, 0.3)", "a:5,4"),
    ("F.conv_tbc(a, b, c, 1)", "a:6,2,3 b:3,3,4 c:4"),
    ("F.adaptive_max_pool2d_with_indices(a, 2)[0]", "a:2,5,6"),
    ("F.native_channel_shuffle(a.detach(), 3)", "a:2,6,4"),
    ("F.cosine_similarity(a, b, dim=-2)", "a:1,2,3 b:2,1,3"),
    ("F.embedding_bag(i, a, mode='sum', per_sample_weights=w)", "i:3,4:i6 a:6,2 w:3,4"),
    ("F.embedding_bag(i, a, n * torch.tensor([0, 2, 2, 5]), padding_idx=1)", "i:7:i6 a:6,2 n::1"),
    (
        "F.embedding_bag(i, a, n * torch.tensor([0, 2, 2, 5, 7]), mode='max',"
        " include_last_offset=True, padding_idx=-2)",
        "i:7:i6 a:6,2 n::1",
    ),
    ("F.fractional_max_pool2d(a, 2, (3, 2), _random_samples=u)", "a:2,3,7,6 u:2,3,2:u"),
    ("F.fractional_max_pool2d(a, (3, 2), 4, None, True, u)[0]", "a:3,7,6 u:1,3,2:u"),
    ("F.fractional_max_pool3d(a, 2, None, 0.5, _random_samples=u)", "a:2,1,5,7,6 u:2,1,3:u"),
    ("F.affine_grid(a, (2, 1, 3, 4), align_corners=True)", "a:2,2,3"),
    ("F.affine_grid(a, (2, 1, 3, 4, 2), align_corners=False)", "a:2,3,4"),
    ("F.scaled_dot_product_attention(a, b, c)", "a:2,3,4 b:2,5,4 c:2,5,6"),
    ("F.scaled_dot_product_attention(a, b, c, is_causal=True, scale=0.7)", "a:5,4 b:6,4 c:6,3"),
    ("F.scaled_dot_product_attention(a, b, c, m)", "a:2,3,4 b:2,5,4 c:2,5,6 m:3,5:b"),
    ("F.scaled_dot_product_attention(a, b, c, d)", "a:2,2,3,4 b:2,2,5,4 c:2,2,5,6 d:2,1,1,5"),
    ("F.scaled_dot_product_attention(a, b, b, enable_gqa=True)", "a:2,4,3,4 b:2,2,5,4"),
    ("F.linear_cross_entropy(a, b, i, linear_bias=c, weight=w)", "a:5,3 b:4,3 i:5:i4 c:4 w:4:c"),
    ("F.linear_cross_entropy(a, b, i, ignore_index=1)", "a:5,3 b:4,2,3 i:5,2:i4"),
    ("F.ctc_loss(a.log_softmax(2), i + 1, (6, 4, 5), (2, 3, 0))", "a:6,3,5 i:3,3:i4"),
    (
        "F.ctc_loss(a.log_softmax(2), i + 1, n + 6, n + 2, reduction='none')",
        "a:6,3,5 i:6:i4 n:3:i1",
    ),
    (
        "F.ctc_loss(a.log_softmax(2), i, (6, 2, 5), (2, 3, 1), blank=4, zero_infinity=True)",
        "a:6,3,5 i:3,3:i4",
    ),
    ("F.ctc_loss(a.log_softmax(1), i + 1, n + 6, n + 3, reduction='sum')", "a:6,5 i:3:i4 n::i1"),
]

GRIDS = [
    (mode, padding, aligned)
    for mode in ("bilinear", "nearest", "bicubic")
    for padding in ("zeros", "border", "reflection")
    for aligned in (False, True)
]
ROWS += [
    (f"F.grid_sample(a, b * 1.5, {mode!r}, {padding!r}, {aligned})", "a:2,3,4,5 b:2,3,2,2")
    for mode, padding, aligned in GRIDS
]
ROWS += [
    (f"F.grid_sample(a, b * 1.5, {mode!r}, {padding!r}, {aligned})", "a:2,2,3,4,5 b:2,2,3,2,3")
    for mode, padding, aligned in GRIDS
    if mode != "bicubic"
]

# Random functions: equal after the same seed.
RANDOM = [
    "F.alpha_dropout(a, 0.4, training=True)",
    "F.feature_alpha_dropout(a, 0.4, training=True)",
    "F.dropout1d(a, 0.4)",
    "F.dropout2d(a.unsqueeze(-1), 0.4)",
    "F.dropout3d(a.unsqueeze(-1), 0.4)",
    "F.rrelu(a, 0.1, 0.3, training=True)",
    "F.gumbel_softmax(a, 0.5)",
    "F.gumbel_softmax(a, hard=True, dim=1)",
    "F.alpha_dropout(a.detach().clone(), 0.4, training=True, inplace=True)",
    "F.rrelu_(a.detach().clone(), training=True)",
    "F.dropout1d(a.detach()[0].clone(), 0.4, inplace=True)",
    "F.fractional_max_pool2d(a, 2, (2, 3))",
    "F.fractional_max_pool3d(a.unsqueeze(0), 2, (1, 2, 3))",
    "F.scaled_dot_product_attention(a, a, a, dropout_p=0.3)",
]


def operands(described: str, rng: np.random.Generator) -> dict[str, tuple[np.ndarray, bool]]:
    """Arrays by name, and whether they get gradients."""
    made: dict[str, tuple[np.ndarray, bool]] = {}
    for one in described.split():
        name, sizes, kind = [*one.split(":"), "f"][:3]
        shape = tuple(int(n) for n in sizes.split(",") if n)
        x = rng.standard_normal(shape)
        if kind in ("+", "c"):
            x = np.abs(x) + 0.1
        elif kind == "s":
            x = np.where(x < 0, -1.0, 1.0)
        elif kind == "b":
            x = x < 0
        elif kind == "u":
            x = rng.random(shape)
        elif kind == "1":
            x = np.ones(shape, np.int64)
        elif kind[0] == "i":
            x = rng.integers(0, int(kind[1:]), shape)
        made[name] = np.asarray(x), kind in "f+"
    return made


def results(
    package: ModuleType, f: ModuleType, expression: str, given: dict[str, Any]
) -> list[np.ndarray]:
    """The value, gradients of its weighted sum, and gradients of the sum of their squares."""
    names = {
        name: package.tensor(x, requires_grad=wants) if wants else package.tensor(x)
        for name, (x, wants) in given.items()
    }
    y = eval(expression, {"F": f, "torch": package}, names)
    found = [y.detach().numpy()]
    wanted = [names[name] for name, (_, wants) in given.items() if wants]
    if not y.requires_grad:
        return found
    weights = package.arange(1.0, y.numel() + 1, dtype=y.dtype).reshape(y.shape)
    grads = package.autograd.grad((y * weights).sum(), wanted, allow_unused=True, create_graph=True)
    found += [np.zeros(1) if g is None else g.detach().numpy() for g in grads]
    graphs = [g for g in grads if g is not None and g.requires_grad]
    # PyTorch has no second gradients of these.
    if not graphs or any(name in expression for name in ("ctc", "grid_sample")):
        return found
    try:
        squares = sum((g * g).sum() for g in graphs)
        second = package.autograd.grad(squares, wanted, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        if "not implemented" in str(error):
            return found
        raise
    return found + [np.zeros(1) if g is None else (g + 0).numpy() for g in second]


@pytest.mark.parametrize(("expression", "described"), ROWS)
def test_values_and_gradients_are_pytorchs(
    torch: ModuleType, expression: str, described: str
) -> None:
    given = operands(described, np.random.default_rng(len(expression)))
    ours = results(facula, functional, expression, given)
    theirs = results(torch, torch.nn.functional, expression, given)
    for mine, oracle in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(mine, np.broadcast_to(oracle, mine.shape), 1e-7, 1e-9)
    for oracle in theirs[len(ours) :]:  # no graph here, zeros there
        assert not oracle.any()


@pytest.mark.parametrize("expression", RANDOM)
def test_random_functions_draw_pytorchs_numbers(torch: ModuleType, expression: str) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 5)).astype("float32")
    found = []
    for package, f in ((facula, functional), (torch, torch.nn.functional)):
        package.manual_seed(11)
        a = package.tensor(x, requires_grad=True)
        y = eval(expression, {"F": f, "a": a})
        found.append([y.detach().numpy(), package.rand(3).numpy()])
        if y.requires_grad:
            (y * y).sum().backward()
            found[-1].append(a.grad.numpy())
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5)
