"""Module: registration and its errors, walking, converting, switching modes, copying."""

import copy
import pickle

import numpy as np
import pytest

from facula import nn, ops
from facula.meta.dtype import float16, float32, float64, int64


class Layer(nn.Module):
    """A parameter, a missing one, a buffer and one that is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(ops.ones(2, 3))
        self.register_parameter("bias", None)
        self.register_buffer("mean", ops.zeros(2))
        self.register_buffer("mask", ops.ones(1), persistent=False)

    def forward(self, x: object) -> object:
        return x


class Model(nn.Module):
    """Two layers, the first one also under a second name."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Layer()
        self.second = nn.Sequential(Layer(), self.first)
        self.scale = nn.Parameter(ops.ones(1))


# --- registration --------------------------------------------------------------------------------


def test_assignment_registers_parameters_buffers_and_modules() -> None:
    layer = Layer()
    assert list(layer._parameters) == ["weight", "bias"]
    assert list(layer._buffers) == ["mean", "mask"]
    assert list(Model()._modules) == ["first", "second"]
    assert layer._non_persistent_buffers_set == {"mask"}
    assert layer.bias is None


def test_a_missing_attribute_is_named() -> None:
    with pytest.raises(AttributeError, match="'Layer' object has no attribute 'absent'"):
        _ = Layer().absent


def test_a_plain_attribute_becomes_a_parameter() -> None:
    module = nn.Module()
    module.x = None
    assert "x" in vars(module)
    module.x = nn.Parameter(ops.ones(1))
    assert list(module._parameters) == ["x"]


def test_a_name_moves_between_the_tables() -> None:
    layer = Layer()
    layer.mean = nn.Parameter(ops.ones(2))
    assert list(layer._parameters) == ["weight", "bias", "mean"]
    assert list(layer._buffers) == ["mask"]
    layer.mean = Layer()
    assert list(layer._parameters) == ["weight", "bias"]
    assert list(layer._modules) == ["mean"]


def test_reassigning_keeps_the_place_in_the_order() -> None:
    layer = Layer()
    layer.weight = nn.Parameter(ops.zeros(1))
    assert list(layer._parameters) == ["weight", "bias"]
    layer.weight = None
    assert dict(layer._parameters) == {"weight": None, "bias": None}


def test_a_buffer_may_be_replaced_by_a_tensor_and_stays_unsaved() -> None:
    layer = Layer()
    layer.mask = ops.zeros(1)
    assert list(layer._buffers) == ["mean", "mask"]
    assert layer._non_persistent_buffers_set == {"mask"}


def test_buffer_objects_register_themselves() -> None:
    module = nn.Module()
    module.kept = nn.Buffer(ops.ones(1))
    module.dropped = nn.Buffer(ops.ones(1), persistent=False)
    assert list(module._buffers) == ["kept", "dropped"]
    assert list(module.state_dict()) == ["kept"]


def test_deleting_removes_every_trace() -> None:
    model = Model()
    del model.first.weight
    del model.first.mean
    del model.second
    assert [name for name, _ in model.named_parameters()] == ["scale"]
    assert [name for name, _ in model.named_buffers()] == ["first.mask"]
    assert not hasattr(model, "second")
    with pytest.raises(AttributeError):
        del model.second


def test_the_private_mappings_write_through() -> None:
    layer = Layer()
    fresh = nn.Parameter(ops.zeros(1))
    layer._parameters["weight"] = fresh
    layer._parameters["extra"] = fresh
    assert layer.weight is fresh and layer.extra is fresh
    del layer._parameters["extra"]
    assert not hasattr(layer, "extra")
    assert layer._buffers.pop("mean").shape == (2,)
    layer._modules = {"a": nn.Identity(), "b": nn.ReLU()}
    assert [name for name, _ in layer.named_children()] == ["a", "b"]
    layer._modules = {}
    assert not hasattr(layer, "a")


REFUSED = [
    (lambda m: m.register_parameter(3, None), TypeError,
     "parameter name should be a string. Got int"),
    (lambda m: m.register_parameter("a.b", None), KeyError, 'parameter name can\'t contain "."'),
    (lambda m: m.register_parameter("", None), KeyError,
     'parameter name can\'t be empty string ""'),
    (lambda m: m.register_parameter("mean", None), KeyError, "attribute 'mean' already exists"),
    (lambda m: m.register_parameter("forward", None), KeyError,
     "attribute 'forward' already exists"),
    (
        lambda m: m.register_parameter("w", ops.ones(1)),
        TypeError,
        "cannot assign 'torch.FloatTensor' object to parameter 'w' "
        "(torch.nn.Parameter or None required)",
    ),
    (lambda m: m.register_buffer(3, None), TypeError, "buffer name should be a string. Got int"),
    (lambda m: m.register_buffer("a.b", None), KeyError, 'buffer name can\'t contain "."'),
    (lambda m: m.register_buffer("", None), KeyError, 'buffer name can\'t be empty string ""'),
    (lambda m: m.register_buffer("weight", None), KeyError, "attribute 'weight' already exists"),
    (
        lambda m: m.register_buffer("b", 3),
        TypeError,
        "cannot assign 'int' object to buffer 'b' (torch Tensor or None required)",
    ),
    (lambda m: m.add_module(3, None), TypeError, "module name should be a string. Got int"),
    (lambda m: m.add_module("a.b", None), KeyError, 'module name can\'t contain ".", got: a.b'),
    (lambda m: m.add_module("", None), KeyError, 'module name can\'t be empty string ""'),
    (lambda m: m.add_module("weight", nn.ReLU()), KeyError, "attribute 'weight' already exists"),
    (lambda m: m.add_module("x", 3), TypeError, "int is not a Module subclass"),
    (
        lambda m: setattr(m, "weight", ops.ones(1)),
        TypeError,
        "cannot assign 'torch.FloatTensor' as parameter 'weight' "
        "(torch.nn.Parameter or None expected)",
    ),
    (
        lambda m: setattr(m, "mean", 3),
        TypeError,
        "cannot assign 'int' as buffer 'mean' (torch.nn.Buffer, torch.Tensor or None expected)",
    ),
    (lambda m: m.train("yes"), ValueError, "training mode is expected to be boolean"),
    (lambda m: m.get_submodule("gone"), AttributeError, "Layer has no attribute `gone`"),
    (lambda m: m.get_submodule("weight"), AttributeError, "`weight` is not an nn.Module"),
    (lambda m: m.get_parameter("mean"), AttributeError, "`mean` is not an nn.Parameter"),
    (lambda m: m.get_parameter("gone"), AttributeError, "Layer has no attribute `gone`"),
    (lambda m: m.get_buffer("weight"), AttributeError, "`weight` is not a buffer"),
    (lambda m: m.set_submodule("", m), ValueError,
     "Cannot set the submodule without a target name!"),
    (
        lambda m: m.to(int64),
        TypeError,
        "nn.Module.to only accepts floating point or complex dtypes, "
        "but got desired dtype=torch.int64",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("action", "kind", "text"), REFUSED, ids=[row[2][:40] for row in REFUSED])
def test_wrong_use_is_refused_in_the_words_of_torch(action, kind, text) -> None:
    with pytest.raises(kind) as caught:
        action(Layer())
    assert caught.value.args[0] == text


def test_a_child_may_only_be_replaced_by_a_module() -> None:
    with pytest.raises(TypeError) as caught:
        Model().first = 3
    assert caught.value.args[0] == (
        "cannot assign 'int' as child module 'first' (torch.nn.Module or None expected)"
    )


def test_a_parameter_must_be_a_leaf() -> None:
    weight = nn.Parameter(ops.ones(1))
    computed = weight * 2
    computed.__class__ = nn.Parameter
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'w'"):
        nn.Module().register_parameter("w", computed)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (lambda: nn.Parameter(ops.ones(1)),
         "cannot assign parameters before Module.__init__() call"),
        (lambda: nn.ReLU(), "cannot assign module before Module.__init__() call"),
        (lambda: nn.Buffer(ops.ones(1)), "cannot assign buffer before Module.__init__() call"),
    ],
)  # fmt: skip
def test_members_need_init_first(value, text) -> None:
    class Hasty(nn.Module):
        def __init__(self) -> None:
            self.member = value()

    with pytest.raises(AttributeError) as caught:
        Hasty()
    assert caught.value.args[0] == text


def test_init_takes_no_arguments() -> None:
    with pytest.raises(TypeError, match=r"Module.__init__\(\) takes 1 positional argument but 2"):
        nn.Module(3)
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'size'"):
        nn.Module(size=3)


def test_a_second_init_forgets_what_was_registered() -> None:
    layer = Layer()
    nn.Module.__init__(layer)
    assert list(layer.named_parameters()) == [] and not hasattr(layer, "weight")


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(
        NotImplementedError, match=r'Module \[Module\] is missing the required "forward" function'
    ):
        nn.Module()(1)


def test_registration_hooks_see_and_may_replace() -> None:
    seen = []
    handles = [
        nn.modules.module.register_module_parameter_registration_hook(
            lambda module, name, value: seen.append(("parameter", name))
        ),
        nn.modules.module.register_module_buffer_registration_hook(
            lambda module, name, value: seen.append(("buffer", name))
        ),
        nn.modules.module.register_module_module_registration_hook(
            lambda module, name, value: nn.Tanh() if name == "act" else None
        ),
    ]
    module = nn.Module()
    module.w = nn.Parameter(ops.ones(1))
    module.register_buffer("b", None)
    module.act = nn.ReLU()
    for handle in handles:
        handle.remove()
    module.v = nn.Parameter(ops.ones(1))
    assert seen == [("parameter", "w"), ("buffer", "b")]
    assert isinstance(module.act, nn.Tanh)


# --- calling -----------------------------------------------------------------------------------


class Echo(nn.Module):
    """Returns what it was called with."""

    def forward(self, *args: object, **kwargs: object) -> object:
        return args, kwargs


@pytest.mark.parametrize("count", range(5))
@pytest.mark.parametrize("named", [{}, {"first": 1}, {"second": 1, "options": 2}])
def test_all_arguments_reach_forward(count: int, named: dict[str, int]) -> None:
    args = tuple(range(count))
    assert Echo()(*args, **named) == (args, named)
    hooked = Echo()
    hooked.register_forward_pre_hook(lambda module, args: None)
    assert hooked(*args, **named) == (args, named)


def test_forward_may_be_replaced_on_the_instance() -> None:
    module = nn.Identity()
    module.forward = lambda x: x + 1
    assert module(1) == 2


# --- walking -------------------------------------------------------------------------------------


def test_walks_name_everything_once() -> None:
    model = Model()
    assert [name for name, _ in model.named_parameters()] == [
        "scale",
        "first.weight",
        "second.0.weight",
    ]
    assert [name for name, _ in model.named_modules()] == ["", "first", "second", "second.0"]
    assert [name for name, _ in model.named_buffers()] == [
        "first.mean", "first.mask", "second.0.mean", "second.0.mask",
    ]  # fmt: skip
    assert len(list(model.parameters())) == 3
    assert len(list(model.buffers())) == 4
    assert len(list(model.modules())) == 4
    assert list(model.children()) == [model.first, model.second]


def test_walks_can_repeat_and_prefix() -> None:
    model = Model()
    names = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    assert names == ["scale", "first.weight", "second.0.weight", "second.1.weight"]
    names = [name for name, _ in model.named_modules(prefix="net", remove_duplicate=False)]
    assert names == ["net", "net.first", "net.second", "net.second.0", "net.second.1"]
    assert [name for name, _ in model.named_parameters("net", recurse=False)] == ["net.scale"]


def test_paths_lead_to_members() -> None:
    model = Model()
    assert model.get_submodule("") is model
    assert model.get_submodule("second.0") is model.second[0]
    assert model.get_parameter("second.0.weight") is model.second[0].weight
    assert model.get_buffer("first.mean") is model.first.mean
    relu = nn.ReLU()
    model.set_submodule("second.0", relu)
    model.set_submodule("second.new", relu)
    assert model.second[0] is relu and model.second.new is relu
    with pytest.raises(AttributeError, match="Sequential has no attribute `absent`"):
        model.set_submodule("second.absent", relu, strict=True)


def test_dir_lists_members_but_no_numbers() -> None:
    names = dir(Model().second)
    assert "forward" in names and "0" not in names
    assert "weight" in dir(Layer())


# --- changing ------------------------------------------------------------------------------------


def test_train_and_eval_reach_every_module() -> None:
    model = Model()
    assert model.training and model.second[0].training
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    model.train()
    assert all(module.training for module in model.modules())


def test_apply_goes_from_the_leaves_up() -> None:
    names = []
    Model().apply(lambda module: names.append(type(module).__name__))
    assert names == ["Layer", "Layer", "Layer", "Sequential", "Model"]


def test_requires_grad_and_zero_grad() -> None:
    layer = Layer()
    layer.weight.grad = ops.ones(2, 3)
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad.tolist() == [[0.0] * 3] * 2
    layer.zero_grad()
    assert layer.weight.grad is None
    layer.requires_grad_(False)
    assert not layer.weight.requires_grad


@pytest.mark.parametrize(
    ("convert", "dtype"),
    [
        (lambda m: m.double(), float64),
        (lambda m: m.half(), float16),
        (lambda m: m.double().float(), float32),
        (lambda m: m.to(float64), float64),
        (lambda m: m.to(dtype=float64), float64),
        (lambda m: m.to("cpu", float64), float64),
        (lambda m: m.to(ops.ones(1, dtype=float64)), float64),
        (lambda m: m.to("cpu"), float32),
        (lambda m: m.cpu(), float32),
    ],
)
def test_conversion_keeps_the_parameter_objects(convert, dtype) -> None:
    layer = Layer()
    layer.register_buffer("count", ops.zeros(1, dtype=int64))
    weight = layer.weight
    weight.grad = ops.ones(2, 3)
    assert convert(layer) is layer
    assert layer.weight is weight and weight.dtype is dtype
    assert weight.requires_grad and weight.grad.dtype is dtype
    assert layer.mean.dtype is dtype
    assert layer.count.dtype is int64


# --- copies ------------------------------------------------------------------------------------


def test_deepcopy_is_independent_and_keeps_ties() -> None:
    model = Model()
    other = copy.deepcopy(model)
    assert other.second[1] is other.first
    assert other.first.weight is not model.first.weight
    with_new_values = other.first.weight.detach()
    with_new_values.fill_(7)
    assert model.first.weight.tolist() == [[1.0] * 3] * 2
    assert isinstance(other.first.weight, nn.Parameter)
    assert repr(other) == repr(model)


def test_a_shallow_copy_shares_tensors_but_not_names() -> None:
    layer = Layer()
    other = copy.copy(layer)
    assert other.weight is layer.weight
    other.extra = nn.Parameter(ops.ones(1))
    assert list(layer._parameters) == ["weight", "bias"]


def test_pickle_round_trip() -> None:
    layer = pickle.loads(pickle.dumps(nn.Linear(3, 2)))
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert isinstance(layer.weight, nn.Parameter) and layer.weight.requires_grad
    np.testing.assert_array_equal(
        layer(ops.zeros(1, 3)).detach().numpy(), layer.bias.detach().numpy()[None]
    )
