"""Complex tensors: what kernels of pairs compute, lazy views, and gradients of a real loss."""

import cmath
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
from facula.autograd import gradcheck, gradgradcheck
from facula.backend.cpu import machine
from facula.backend.interpreter import compile_plan
from facula.dispatch import compile_pointwise
from facula.form import form_of
from facula.kernel import expr
from facula.kernel.expr import linearise

KINDS = ("complex64", "complex128")
inf, nan = math.inf, math.nan
ACCURACY = {"complex64": 1e-6, "complex128": 1e-14}

# One operand: NumPy's functions, on numbers where that is good.
UNARY: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p,
    "expm1": np.expm1, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "abs": np.abs, "angle": np.angle, "neg": np.negative, "square": np.square,
    "reciprocal": lambda z: 1 / z, "conj_physical": np.conj,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "rsqrt": lambda z: 1 / np.sqrt(z),
    "sgn": lambda z: z / np.abs(z),
}  # fmt: skip


def numbers(kind: str, *shape: int, seed: int = 0) -> np.ndarray:
    random = np.random.RandomState(seed)
    return (2 * random.randn(*shape) + 2j * random.randn(*shape)).astype(kind)


def layouts(array: np.ndarray) -> list[Any]:
    """One array of shape (6, 10) as tensors: plain, transposed, stepped, shifted, a conjugate."""
    room = np.zeros((13, 25), array.dtype)
    room[1::2, 4:24:2] = array
    return [
        facula.from_numpy(array.copy()),
        facula.from_numpy(array.T.copy()).T,
        facula.from_numpy(room)[1::2, 4:24:2],
        facula.from_numpy(array.conj()).conj(),
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", UNARY)
def test_function_equals_numpys(name: str, kind: str) -> None:
    array = numbers(kind, 6, 10)
    expected = UNARY[name](array.astype("complex128"))
    for x in layouts(array):
        y = getattr(facula, name)(x).resolve_conj().numpy()
        assert y.dtype == (kind if np.iscomplexobj(expected) else array.real.dtype)
        assert np.max(np.abs(y - expected) / np.abs(expected)) < ACCURACY[kind], name


@pytest.mark.parametrize("kind", KINDS)
def test_arithmetic_of_hostile_layouts(kind: str) -> None:
    a, b = numbers(kind, 6, 10), numbers(kind, 6, 10, seed=1)
    for x in layouts(a):
        for y in layouts(b):
            for made, expected in ((x + y, a + b), (x - y, a - b), (x * y, a * b), (x / y, a / b)):
                assert np.allclose(made.numpy(), expected, rtol=10 * ACCURACY[kind])


def test_numbers_as_operands() -> None:
    x = facula.tensor([1.0, 2.0])
    z = facula.tensor([1 + 1j, 2 - 1j])
    assert (x * 2j).tolist() == [2j, 4j] and (2j * x).dtype is facula.complex64
    assert (z + 1).tolist() == [2 + 1j, 3 - 1j]
    assert (1j - z).tolist() == [-1 + 0j, -2 + 2j]
    assert (x.double() * 1j).dtype is facula.complex128
    assert (z == 1 + 1j).tolist() == [True, False]
    assert (z**2).tolist() == [2j, 3 - 4j]
    z += 1j
    assert z.tolist() == [1 + 2j, 2 + 0j]


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-3, 30.0, inf, -inf, nan]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "sinh", "asin", "atanh", "abs"])
def test_special_values_are_those_of_c99(name: str, kind: str) -> None:
    """Signed zeros choose the side of a branch cut; infinities stay where C has them."""
    array = np.array([complex(a, b) for a in SPECIAL for b in SPECIAL]).astype(kind)
    ours = getattr(facula, name)(facula.from_numpy(array)).numpy()
    for z, y in zip(array, ours, strict=True):
        if cmath.isnan(complex(z)):
            continue
        try:
            known = abs(complex(z)) if name == "abs" else getattr(cmath, name)(complex(z))
        except (ValueError, OverflowError):
            continue
        for got, wanted in ((y.real, known.real), (y.imag, known.imag)):
            same = got == wanted or (got != got and wanted != wanted)
            assert same or abs(got - wanted) <= 1e-6 * abs(wanted) + 1e-15, (z, y, known)
            if wanted == wanted:
                assert math.copysign(1, got) == math.copysign(1, wanted), (z, y, known)


@pytest.mark.parametrize("name", ["exp", "sqrt", "div", "abs", "tanh", "pow"])
def test_compiled_kernel_equals_the_interpreters(name: str) -> None:
    """The same plan on both, f64, on a stepped input and a transposed result."""
    x, y = expr.input_(0, "c128"), expr.input_(1, "c128")
    value = expr.call(name, x, y) if name in ("div", "pow") else expr.call(name, x)
    kind = facula.float64 if value.kind == "f64" else facula.complex128
    a, b = numbers("complex128", 4, 5), numbers("complex128", 4, 10, seed=3)
    ins = [facula.from_numpy(a), facula.from_numpy(b)[:, ::2]][: 2 if name in ("div", "pow") else 1]
    out = form_of(kind, (4, 5), (1, 4))
    kernels = []
    before, machine.compile_plan = machine.compile_plan, kernels.append  # type: ignore
    try:
        sizes = compile_pointwise(linearise([value]), [t.form for t in ins], [out], (), (4, 5))[1]
    finally:
        machine.compile_plan = before  # type: ignore
    results = []
    for compiler in (machine.compile_plan, compile_plan):
        made = facula.empty(5, 4, dtype=kind).T
        compiler(kernels[0])(*sizes, *[t.address for t in ins], made.address)
        results.append(made.numpy())
    assert np.allclose(results[0], results[1], rtol=1e-14)


# --- parts and lazy views ------------------------------------------------------------------------


def test_parts_are_views() -> None:
    z = facula.tensor([1 + 2j, 3 + 4j])
    z.real[0] = 10
    z.imag.mul_(2)
    assert z.tolist() == [10 + 4j, 3 + 8j]
    facula.view_as_real(z)[1, 0] = -1
    assert z.tolist() == [10 + 4j, -1 + 8j]
    assert facula.view_as_complex(facula.view_as_real(z)).data_ptr() == z.data_ptr()


def test_conj_is_a_view_that_is_written_through() -> None:
    z = facula.tensor([[1 + 2j, 3 + 4j], [5j, 6]])
    c = z.conj()
    assert c.is_conj() and not z.is_conj() and c.data_ptr() == z.data_ptr()
    assert c.tolist() == [[1 - 2j, 3 - 4j], [-5j, 6]]
    c[0, 0] = 7 + 7j
    assert z[0, 0].item() == 7 - 7j
    c.mul_(1j)
    assert z[1, 0].item() == 5j * -1j
    assert c.T[1].is_conj() and c.imag.is_neg() and not c.conj().is_conj()
    assert c.imag.tolist() == [[7.0, 3.0], [0.0, 6.0]] and (c.imag + 0).is_neg() is False
    assert not c.resolve_conj().is_conj() and c.sum().item() == z.sum().item().conjugate()
    with pytest.raises(RuntimeError, match="conjugate bit set"):
        c.numpy()
    assert np.array_equal(c.numpy(force=True), z.numpy().conj())


def test_operations_that_see_memory_only_are_given_copies() -> None:
    z = facula.tensor([1 + 2j, 3 + 4j, 5j])
    index = facula.tensor([2, 0])
    assert z.conj()[index].tolist() == [-5j, 1 - 2j]
    assert facula.cat([z.conj(), z])[:4].tolist() == [1 - 2j, 3 - 4j, -5j, 1 + 2j]
    assert z.conj().flip(0).tolist() == [-5j, 3 - 4j, 1 - 2j]


# --- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda z, w: (z * w).abs().sum(),
        lambda z, w: (z / w).real.sum(),
        lambda z, w: (z.exp() + w.log()).imag.sum(),
        lambda z, w: (z.conj() * w).angle().sum(),
        lambda z, w: (z.sqrt() * w.sin()).abs().square().sum(),
        lambda z, w: facula.view_as_real(z.tanh() * w.sgn()).prod(),
        lambda z, w: (z**3).sum().abs() + (w**z).mean().real,
        lambda z, w: facula.polar(z.abs(), w.angle()).cos().prod().real,
    ],
)
def test_gradient_of_a_real_loss_is_dx_plus_i_dy(function: Callable[..., Any]) -> None:
    values = [numbers("complex128", 3, seed=k) for k in (5, 6)]
    inputs = [facula.from_numpy(v.copy()).requires_grad_() for v in values]
    found = facula.autograd.grad(function(*inputs), inputs)
    for which, gradient in enumerate(found):
        for place in range(3):
            for step, part in ((1e-6, "real"), (1e-6j, "imag")):
                sides = []
                for sign in (1, -1):
                    moved = [v.copy() for v in values]
                    moved[which][place] += sign * step
                    sides.append(function(*map(facula.from_numpy, moved)).item())
                expected = (sides[0] - sides[1]) / 2e-6
                assert abs(getattr(gradient[place].item(), part) - expected) < 1e-5


def test_real_inputs_take_the_real_part() -> None:
    x = facula.tensor([1.0, 2.0], requires_grad=True)
    (x * (1 + 2j)).abs().sum().backward()
    assert x.grad is not None and x.grad.dtype is facula.float32
    assert np.allclose(x.grad.numpy(), 5**0.5)


def test_gradient_of_a_gradient() -> None:
    z = facula.from_numpy(numbers("complex128", 3)).requires_grad_()
    (first,) = facula.autograd.grad((z**3).real.sum(), z, create_graph=True)
    (second,) = facula.autograd.grad(first.real.sum(), z)
    # The first is conj(3 z^2); of its real part's sum, conj(6 z).
    assert np.allclose(first.detach().resolve_conj().numpy(), (3 * z.detach().numpy() ** 2).conj())
    assert np.allclose(second.resolve_conj().numpy(), (6 * z.detach().numpy()).conj())


def test_writing_into_parts_updates_the_gradient_of_the_base() -> None:
    """Numbers that PyTorch 2.13 gave for the same lines."""
    z = facula.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    w = z * 1
    w.real.mul_(w.imag.clone())
    w.imag[0] = 5
    (w * w.conj()).real.sum().backward()
    assert z.grad is not None and z.grad.tolist() == [8 + 4j, 6 - 20j]
    z = facula.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    w = z * 1
    c = w.conj()
    c.mul_(2j)
    c.imag.add_(w.real.clone() * 3)
    (w**2).abs().sum().backward()
    assert z.grad is not None and np.allclose(z.grad.numpy(), [56 + 184j, -8j], rtol=1e-5)
    x = facula.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x * 1
    v = facula.view_as_complex(y)
    v.mul_(1 + 1j)
    v.conj().imag.mul_(2)
    (y**3).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[219, 213], [1179, 1173]]


def test_gradcheck_takes_complex_inputs() -> None:
    z = facula.tensor([1 + 2j, 0.3 - 1j], dtype=facula.complex128, requires_grad=True)
    x = facula.tensor([1.0, 2.0], dtype=facula.float64, requires_grad=True)
    assert gradcheck(lambda z, x: (z * x).exp().conj() / z, (z, x))
    assert gradgradcheck(lambda z, x: (z * x).sin().abs() * z, (z, x))
    assert gradcheck(lambda z, x: facula.complex(x, x * x).angle() * z.sgn(), (z, x))
    bad = lambda z: z.detach() * z.conj()  # noqa: E731
    assert not gradcheck(bad, (z,), raise_exception=False)


def test_backward_wants_a_real_scalar() -> None:
    z = facula.tensor(1j, requires_grad=True)
    with pytest.raises(RuntimeError, match="only for real scalar outputs but got torch.complex64"):
        (z * z).backward()
    with pytest.raises(RuntimeError, match="both grad_output and output are required to have"):
        (z * z).backward(facula.tensor(1.0))
    (z * z).backward(facula.tensor(1 + 0j))
    assert z.grad is not None and z.grad.item() == -2j


# --- matrix products -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_products_of_hostile_layouts(kind: str) -> None:
    a, b = numbers(kind, 6, 10), numbers(kind, 6, 10, seed=1)
    for x in layouts(a):
        for y in layouts(b):
            assert np.allclose((x @ y.T).numpy(), a @ b.T, rtol=1e-4, atol=100 * ACCURACY[kind])
            assert np.allclose((x.H @ y).numpy(), a.conj().T @ b, atol=100 * ACCURACY[kind])
    left, right = numbers(kind, 2, 3, 4), numbers(kind, 2, 4, 5, seed=2)
    made = facula.from_numpy(left).bmm(facula.from_numpy(right))
    assert np.allclose(made.numpy(), left @ right, atol=100 * ACCURACY[kind])
    empty = facula.zeros(2, 0, dtype=made.dtype)
    assert empty.mm(empty.T).tolist() == [[0, 0], [0, 0]]
    x, y = facula.from_numpy(a[0]), facula.from_numpy(b[0])
    assert abs(facula.vdot(x, y).item() - np.vdot(a[0], b[0])) < 100 * ACCURACY[kind]


def test_gradient_of_a_product() -> None:
    a, b = (facula.from_numpy(numbers("complex128", 3, 3, seed=k)).requires_grad_() for k in (1, 2))
    y = (a @ b.conj()).real.sum()
    first, second = facula.autograd.grad(y, [a, b])
    ones = np.ones((3, 3))
    assert np.allclose(first.numpy(force=True), ones @ b.detach().numpy().T)
    assert np.allclose(second.numpy(force=True), a.detach().numpy().T @ ones)


# --- births, exchange and words ------------------------------------------------------------------


def test_births_and_exchange() -> None:
    assert facula.tensor([1, 2j]).dtype is facula.complex64
    assert facula.zeros(2, dtype=facula.cdouble).numpy().dtype == np.complex128
    assert facula.full((2,), 1 + 2j).tolist() == [1 + 2j] * 2
    assert facula.ones(2, dtype=facula.complex32).tolist() == [1, 1]
    assert complex(facula.tensor(1j)) == 1j and facula.tensor([1 + 0j]).item() == 1
    array = np.array([1j, 2])
    facula.from_numpy(array)[0] = 5
    assert array[0] == 5
    half = facula.tensor([1 + 2j]).to(facula.complex32)
    assert (half * 2).tolist() == [2 + 4j] and half.dtype.itemsize == 4


def facula_pairs(count: int) -> list[list[float]]:
    """As many pairs of uniform numbers, from the same seed."""
    facula.manual_seed(1)
    pairs: list[list[float]] = facula.rand(count, 2).tolist()
    return pairs


def test_random_numbers_are_torchs() -> None:
    facula.manual_seed(0)
    normal = facula.randn(3, dtype=facula.complex64)
    assert normal[0].item() == pytest.approx(1.0896488 - 0.2074856j)
    uniform = facula.rand(3, dtype=facula.complex128)
    assert uniform[0].item() == pytest.approx(0.17860617520075095 + 0.3511076243939284j)
    z = facula.empty(4, dtype=facula.complex64)
    facula.manual_seed(1)
    plain = z.normal_().tolist()
    facula.manual_seed(1)
    assert z.conj().normal_().tolist() == plain and z.conj().tolist() == plain
    facula.manual_seed(1)
    assert z.conj().uniform_().tolist() == [complex(a, b) for a, b in facula_pairs(4)]


def test_what_is_refused() -> None:
    z = facula.tensor([1j])
    with pytest.raises(NotImplementedError, match="not implemented for 'ComplexFloat'"):
        facula.atan2(z, z)
    with pytest.raises(NotImplementedError, match="not implemented for 'ComplexFloat'"):
        z < z  # noqa: B015
    with pytest.raises(RuntimeError, match="can't be cast"):
        facula.tensor([1.0]).add_(z)
    with pytest.raises(RuntimeError, match="without overflow"):
        float(z)
    with pytest.raises(RuntimeError, match="not implemented for tensors with non-complex"):
        facula.tensor([1.0]).imag  # noqa: B018


def test_printed_as_torch_prints(torch: ModuleType) -> None:
    for values in ([1 + 2j, -1.5j], [[1e-8 + 1j, 2]], [complex(nan, inf), -1j], []):
        for kind in KINDS:
            ours = facula.tensor(values, dtype=getattr(facula, kind))
            theirs = torch.tensor(values, dtype=getattr(torch, kind))
            assert repr(ours) == repr(theirs)


# --- functions made of real ones -----------------------------------------------------------------


def test_convolutions_are_four_real_ones(torch: ModuleType) -> None:
    x, w, b = numbers("complex64", 2, 4, 7, 6), numbers("complex64", 6, 2, 3, 2), numbers(
        "complex64", 6
    )  # fmt: skip
    ours = [facula.from_numpy(one).requires_grad_() for one in (x, w, b)]
    theirs = [torch.from_numpy(one).requires_grad_() for one in (x, w, b)]
    how: dict[str, Any] = {"stride": (2, 1), "padding": 1, "groups": 2}
    y = facula.nn.functional.conv2d(*ours, **how)
    expected = torch.nn.functional.conv2d(*theirs, **how)
    assert np.allclose(y.detach().numpy(), expected.detach().numpy(), atol=1e-4)
    y.abs().sum().backward()
    expected.abs().sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        got = one.grad.numpy(force=True)  # type: ignore[union-attr]
        assert np.allclose(got, other.grad.resolve_conj().numpy(), atol=1e-4)


@pytest.mark.parametrize("name", ["logcumsumexp", "cumsum", "cumprod"])
def test_running_combinations(name: str) -> None:
    z = numbers("complex128", 3, 5)
    expected = {
        "logcumsumexp": lambda: np.log(np.cumsum(np.exp(z), 1)),
        "cumsum": lambda: np.cumsum(z, 1),
        "cumprod": lambda: np.cumprod(z, 1),
    }[name]()
    x = facula.from_numpy(z).requires_grad_()
    y = getattr(facula, name)(x, 1)
    turn = np.exp(y.detach().numpy()) if name == "logcumsumexp" else y.detach().numpy()
    wanted = np.exp(expected) if name == "logcumsumexp" else expected
    assert np.allclose(turn, wanted)
    assert gradcheck(lambda x: getattr(facula, name)(x, 1), (x[:1].detach().requires_grad_(),))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda z: z.sort(), RuntimeError, "Sort does not support complex dtypes on CPU"),
        (lambda z: z.topk(1), RuntimeError, "topk does not support complex dtypes on CPU"),
        (lambda z: z.max(), NotImplementedError, "max_all"),
        (lambda z: z.max(0), RuntimeError, r"max\(\): does not support complex input"),
        (lambda z: z.argmin(), RuntimeError, r"argmin\(\): does not support complex input"),
        (lambda z: z.amax(), NotImplementedError, "max_values_cpu"),
        (lambda z: z.median(), NotImplementedError, "median_cpu"),
        (lambda z: z.clamp(0, 1), NotImplementedError, "clamp is not supported for complex"),
        (lambda z: z.sign(), NotImplementedError, "torch.sign is not intended to support"),
        (lambda z: facula.maximum(z, z), RuntimeError, "maximum not implemented for complex"),
        (lambda z: z.unique(), NotImplementedError, '"unique" not implemented'),
        (lambda z: z.nansum(), RuntimeError, "nansum on CPU does not support complex inputs"),
        (lambda z: facula.special.i0e(z), NotImplementedError, '"i0e_cpu" not implemented'),
    ],
)
def test_torchs_words_for_what_has_no_order(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call(facula.tensor([1 + 2j, 3j]))


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_optimizers_update_part_by_part(name: str) -> None:
    """As if the parameter were pairs of reals, which is what torch does."""
    start = numbers("complex64", 3)
    results = []
    for pairs in (False, True):
        p = facula.from_numpy(start.copy())
        p = (facula.view_as_real(p).clone() if pairs else p).requires_grad_()
        optimizer = getattr(facula.optim, name)([p], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (p * p.conj()).real.sum().backward()
            optimizer.step()
        results.append((p if pairs else facula.view_as_real(p)).tolist())
    assert results[0] == results[1]


def test_saved_conjugates_keep_their_values(tmp_path: Any) -> None:
    z = facula.tensor([1 + 2j, 3j])
    facula.save([z, z.conj()], tmp_path / "z.pt")
    plain, conjugate = facula.load(tmp_path / "z.pt")
    assert plain.tolist() == z.tolist() and conjugate.tolist() == z.conj().tolist()


def test_conjugates_that_torch_saved(tmp_path: Any, torch: ModuleType) -> None:
    z = torch.tensor([1 + 2j, 3j])
    torch.save(z.conj(), tmp_path / "z.pt")
    torch.save(z.conj().imag, tmp_path / "imag.pt")
    conjugate, negative = facula.load(tmp_path / "z.pt"), facula.load(tmp_path / "imag.pt")
    assert conjugate.is_conj() and conjugate.tolist() == [1 - 2j, -3j]
    assert negative.is_neg() and negative.tolist() == [-2, -3]
