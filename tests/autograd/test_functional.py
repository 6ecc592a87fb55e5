"""Jacobians, Hessians and products with them: against PyTorch, and against each other."""

import re
from types import ModuleType

import pytest

import facula
from facula.autograd import functional

PROGRAMS = """
vjp(f,x)
vjp(f,x,torch.tensor(2.))
vjp(g,x)
vjp(g,x,x)
vjp(h,(x,y),(torch.ones(3,4),x))
vjp(g,x,torch.ones(2))
vjp(g,x,(x,x))
vjp(g,x,3.)
vjp(detached,x,x)
vjp(detached,x,x,strict=True)
vjp(partly,(x,x),x)
vjp(partly,(x,x),x,strict=True)
vjp(double,x,x,strict=True,create_graph=True)
vjp(g,x.clone().requires_grad_(),x,create_graph=True)
jvp(g,x)
jvp(g,x,x)
jvp(f,torch.tensor(2.))
jvp(h,(x,y),(x,y))
jvp(h,(x,y),x)
jvp(detached,x,x)
jvp(detached,x,x,strict=True)
jvp(partly,(x,x),(x,x),strict=True)
jvp(double,x,x,strict=True,create_graph=True)
jvp(g,x,x,create_graph=True)
jacobian(g,x)
jacobian(f,x)
jacobian(h,(x,y))
jacobian(h,(x,y),vectorize=True)
jacobian(g,x,vectorize=True,strategy='forward-mode')
jacobian(g,x,strategy='forward-mode')
jacobian(g,x,strategy='other')
jacobian(g,x,strict=True,vectorize=True)
jacobian(g,x,True,vectorize=True,strategy='forward-mode')
jacobian(g,x,create_graph=True)
jacobian(lambda a: torch.ones(2),x)
jacobian(lambda a: torch.ones(2),x,strict=True)
jacobian(partly,(x,x),strict=True)
jacobian(double,x,strict=True,create_graph=True)
jacobian(lambda a: 3.,x)
jacobian(lambda a: (a,3),x)
jacobian(g,3.)
jacobian(g,(x,3.))
jacobian(g,[x])
jacobian(f,torch.ones(0))
hessian(f,x)
hessian(s,(x,y))
hessian(g,x)
hessian(f,x,create_graph=True)
hessian(f,x,vectorize=True)
hessian(f,x,outer_jacobian_strategy='forward-mode')
hessian(linear,x)
hessian(linear,x,strict=True)
hessian(lambda a:(a.sum(),),x)
hessian(lambda a:3.,x)
hvp(f,x,x)
hvp(s,(x,y),(x,y))
hvp(f,x)
hvp(g,x,x)
hvp(f,torch.tensor(2.))
hvp(f,x,x,create_graph=True)
vhp(f,x,x)
vhp(s,(x,y),(x,y))
vhp(linear,x,x)
vhp(linear,x,x,strict=True)
"""


def answer(package: ModuleType, program: str) -> str:
    torch = package
    names = {
        "torch": torch,
        "x": torch.tensor([1.0, 2.0, 3.0]),
        "y": torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        "f": lambda a: (a**3).sum(),
        "g": lambda a: a * a.sum(),
        "h": lambda a, b: (a.outer(b.flatten()), a * 2),
        "s": lambda a, b: (a.sum() * b**2).sum(),
        "linear": lambda a: a.sum(),
        "double": lambda a: a * 2,
        "detached": lambda a: a.detach(),
        "partly": lambda a, b: a * 2,
    }
    names |= {
        name: getattr(torch.autograd.functional, name)
        for name in ("vjp", "jvp", "vhp", "hvp", "jacobian", "hessian")
    }
    try:
        text = repr(eval(program, names))
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    return re.sub(r"grad_fn=<\w+>", "grad_fn", text)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", PROGRAMS.strip().splitlines())
def test_answers_are_those_of_torch(torch: ModuleType, program: str) -> None:
    assert answer(facula, program) == answer(torch, program)


def test_products_agree_with_the_matrices() -> None:
    facula.manual_seed(0)
    a, x, v = (facula.randn(*size, dtype=facula.float64) for size in ((4, 4), (4,), (4,)))

    def function(x: facula.Tensor) -> facula.Tensor:
        return (a @ x).sin() * x

    def number(x: facula.Tensor) -> facula.Tensor:
        return function(x).pow(2).sum()

    matrix = functional.jacobian(function, x)
    assert facula.allclose(functional.vjp(function, x, v)[1], v @ matrix)
    assert facula.allclose(functional.jvp(function, x, v)[1], matrix @ v)
    curvature = functional.hessian(number, x)
    assert facula.allclose(curvature, curvature.T)
    assert facula.allclose(functional.vhp(number, x, v)[1], v @ curvature)
    assert facula.allclose(functional.hvp(number, x, v)[1], curvature @ v)
    step = 1e-6
    for place in range(4):
        moved = facula.zeros(4, dtype=facula.float64)
        moved[place] = step
        column = (function(x + moved) - function(x - moved)) / (2 * step)
        assert facula.allclose(matrix[:, place], column, atol=1e-7)


def test_a_graph_reaches_the_given_inputs() -> None:
    x = facula.tensor([1.0, 2.0], requires_grad=True)
    matrix = functional.jacobian(lambda x: x**3, x, create_graph=True)
    matrix.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [6.0, 12.0]
    assert functional.hessian(lambda x: (x**3).sum(), x).requires_grad is False


def test_variables_are_tensors() -> None:
    data = facula.ones(2)
    x = facula.autograd.Variable(data, requires_grad=True)
    assert x.requires_grad and x.data_ptr() == data.data_ptr()
    assert isinstance(data, facula.autograd.Variable)
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        facula.autograd.Variable([1.0])
