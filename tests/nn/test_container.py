"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from collections import OrderedDict

import pytest

from facula import nn, ops


def types(container) -> list[str]:
    return [type(module).__name__ for module in container]


def names(container: nn.Module) -> list[str]:
    return [name for name, _ in container.named_children()]


def three(kind):
    layers = [nn.ReLU(), nn.Tanh(), nn.Sigmoid()]
    return kind(*layers) if kind is nn.Sequential else kind(layers)


ROWS = [nn.Sequential, nn.ModuleList]


def test_sequential_runs_in_order_and_takes_names() -> None:
    model = nn.Sequential(OrderedDict(twice=Times(2), same=nn.Identity(), thrice=Times(3)))
    assert model(1) == 6
    assert names(model) == ["twice", "same", "thrice"]
    assert model.twice is model[0] and model[-1] is model.thrice
    assert names(model[1:]) == ["same", "thrice"]


class Times(nn.Module):
    """Multiplies by a number."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


@pytest.mark.parametrize("kind", ROWS)
def test_rows_are_indexed_like_lists(kind) -> None:
    row = three(kind)
    assert len(row) == 3
    assert types(row) == ["ReLU", "Tanh", "Sigmoid"]
    assert types(row[1:]) == ["Tanh", "Sigmoid"] and isinstance(row[1:], kind)
    assert type(row[-1]).__name__ == "Sigmoid"
    row[1] = nn.GELU()
    assert types(row) == ["ReLU", "GELU", "Sigmoid"]
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"index {index} is out of range"):
            row[index]


@pytest.mark.parametrize("kind", ROWS)
def test_rows_renumber_when_something_goes(kind) -> None:
    row = three(kind)
    del row[0]
    assert names(row) == ["0", "1"] and types(row) == ["Tanh", "Sigmoid"]
    assert type(row.pop(-1)).__name__ == "Sigmoid"
    row = three(kind)
    del row[::2]
    assert names(row) == ["0"] and types(row) == ["Tanh"]


@pytest.mark.parametrize("kind", ROWS)
def test_rows_grow(kind) -> None:
    row = three(kind)
    assert row.append(nn.GELU()) is row
    row.insert(1, nn.ELU())
    assert types(row) == ["ReLU", "ELU", "Tanh", "Sigmoid", "GELU"]
    assert names(row) == ["0", "1", "2", "3", "4"]
    row.extend([nn.SiLU()])
    row += three(kind)
    assert len(row) == 9
    assert types(three(kind) + three(kind)) == ["ReLU", "Tanh", "Sigmoid"] * 2


def test_sequential_arithmetic() -> None:
    model = nn.Sequential(Times(2))
    assert (model * 3)(1) == 8 and (3 * model)(1) == 8
    assert (model * 3)[0] is model[0]
    model *= 2
    assert model(1) == 4 and len(model) == 2
    with pytest.raises(ValueError, match="add operator supports only objects of Sequential class"):
        model + [nn.ReLU()]
    with pytest.raises(ValueError, match="Non-positive multiplication factor 0"):
        model * 0
    with pytest.raises(TypeError, match="unsupported operand type"):
        model * 1.5


def test_sequential_insert_counts_from_both_ends() -> None:
    model = three(nn.Sequential)
    assert model.insert(-1, nn.ELU()) is model
    assert types(model) == ["ReLU", "Tanh", "ELU", "Sigmoid"]
    with pytest.raises(IndexError, match="Index out of range: 9"):
        model.insert(9, nn.ELU())
    with pytest.raises(AssertionError, match="module should be of type"):
        model.insert(0, 3)


def test_module_list_refuses_what_is_no_iterable() -> None:
    with pytest.raises(TypeError, match="should be called with an iterable, but got int"):
        nn.ModuleList().extend(3)
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        nn.ModuleList()(1)


def test_module_dict() -> None:
    made = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()})
    made["c"] = nn.GELU()
    made.update([("d", nn.ELU())])
    made.update(nn.ModuleDict({"a": nn.SiLU()}))
    assert list(made) == list(made.keys()) == ["a", "b", "c", "d"]
    assert types(made.values()) == ["SiLU", "Tanh", "GELU", "ELU"]
    assert [name for name, _ in made.items()] == list(made)
    assert "a" in made and "z" not in made and len(made) == 4
    assert type(made.pop("b")).__name__ == "Tanh" and "b" not in made
    del made["c"]
    made.clear()
    assert len(made) == 0
    with pytest.raises(KeyError, match="attribute 'keys' already exists"):
        made["keys"] = nn.ReLU()
    with pytest.raises(TypeError, match="ModuleDict.update should be called with an iterable"):
        made.update(3)
    with pytest.raises(ValueError, match="#0 has length 3; 2 is required"):
        made.update([(1, 2, 3)])


def test_parameter_list() -> None:
    made = nn.ParameterList([ops.ones(2), nn.Parameter(ops.zeros(1, 3))])
    assert all(isinstance(p, nn.Parameter) for p in made)
    made.append(ops.ones(1)).extend([7])
    assert len(made) == 4 and made[-1] == 7
    assert [name for name, _ in made.named_parameters()] == ["0", "1", "2"]
    assert len(made[1:3]) == 2 and made[1:3][0] is made[1]
    assert repr(made) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [torch.float32 of size 2]\n"
        "    (1): Parameter containing: [torch.float32 of size 1x3]\n"
        "    (2): Parameter containing: [torch.float32 of size 1]\n"
        "    (3): Object of type: int\n"
        ")"
    )
    with pytest.raises(RuntimeError, match="ParameterList should not be called."):
        made()
    with pytest.raises(TypeError, match="should be called with an iterable, but got Tensor"):
        made.extend(ops.ones(1))


def test_parameter_dict() -> None:
    made = nn.ParameterDict({"b": ops.ones(2), "a": nn.Parameter(ops.zeros(1, 3))})
    assert list(made) == ["a", "b"]  # a plain mapping is taken in sorted order
    made["c"] = ops.ones(1)
    assert isinstance(made["c"], nn.Parameter)
    assert [name for name, _ in made.named_parameters()] == ["a", "b", "c"]
    assert made.popitem()[0] == "c" and made.get("c", 5) == 5
    assert list(reversed(made)) == ["b", "a"]
    both = made | nn.ParameterDict(OrderedDict(z=ops.ones(1)))
    assert list(both.keys()) == ["a", "b", "z"] and both["a"] is made["a"]
    assert made.setdefault("a", None) is made["a"]
    assert repr(made) == (
        "ParameterDict(\n"
        "    (a): Parameter containing: [torch.FloatTensor of size 1x3]\n"
        "    (b): Parameter containing: [torch.FloatTensor of size 2]\n"
        ")"
    )
    with pytest.raises(TypeError, match="cannot be used as a key as it is not a string"):
        made[3] = ops.ones(1)
    with pytest.raises(RuntimeError, match="ParameterDict should not be called."):
        made(1)
    made.clear()
    assert len(made) == 0 and list(made.parameters()) == []
