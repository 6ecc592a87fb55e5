"""Functions that stand for Python's own: numbers, branches, loops; and tensors' older names."""

import pytest

import facula


def test_numbers() -> None:
    assert facula.sym_max(1, 2) == 2 and type(facula.sym_max(1, 2)) is int
    assert facula.sym_min(1, 2.5) == 1.0 and type(facula.sym_min(1, 2.5)) is float
    assert facula.sym_int(-2.7) == -2
    assert type(facula.sym_float(2)) is float
    assert facula.sym_not(0) is True
    assert facula.sym_sum([1, 2, 3]) == 6
    assert facula.sym_ite(True, "a", "b") == "a"
    assert facula.sym_sqrt(4) == 2.0


def test_a_branch_is_taken_and_differentiated() -> None:
    x = facula.tensor([1.0, 2.0], requires_grad=True)
    for truth, slope in ((True, 3.0), (False, 5.0)):
        for pred in (truth, facula.tensor(truth), facula.tensor([truth])):
            x.grad = None
            y = facula.cond(pred, lambda x: x * 3, lambda x: x * 5, (x,))
            y.sum().backward()
            assert x.grad is not None and x.grad.tolist() == [slope] * 2
    for wrong in ("a", facula.ones(2)):
        with pytest.raises(RuntimeError, match="Expected pred to be bool"):
            facula.cond(wrong, facula.sin, facula.cos, (x,))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="Expect both branches to be callable"):
        facula.cond(True, facula.sin, 3, (x,))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="Expect operands to be a tuple"):
        facula.cond(True, facula.sin, facula.cos, x)  # type: ignore[arg-type]


def test_a_loop_ends() -> None:
    count, total = facula.while_loop(
        lambda n, _: n < 5,
        lambda n, total: (n + 1, total + n),
        (facula.tensor(0), facula.tensor(0)),
    )
    assert (count.item(), total.item()) == (5, 10)


def test_older_names_of_tensors_methods() -> None:
    x = facula.tensor([2.0, 4.0])
    assert x.__div__(2).tolist() == [1.0, 2.0]
    assert x.__rdiv__(4).tolist() == [2.0, 1.0]
    assert x.__idiv__(2) is x and x.tolist() == [1.0, 2.0]
    assert x[0].__nonzero__() is True and x[1].__long__() == 2
    assert facula.allclose(x.polygamma(1), facula.polygamma(1, x))
    assert x.narrow_copy(0, 1, 1).tolist() == [2.0]
