"""An error inside a model names the layer it came from, and stays the error it was."""

import pickle
import traceback

import pytest

from facula import nn, ops


class Fails(nn.Module):
    """Raises what it was made with."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: object) -> object:
        raise self.error


class Detour(nn.Module):
    """Calls modules that it holds in odd places."""

    def __init__(self, layer: nn.Module, registered: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.ModuleDict({"a": layer})] if registered else [])
        self.loose = [layer]

    def forward(self, x: object) -> object:
        return self.loose[0](x)


def error_of(model: nn.Module) -> BaseException:
    with pytest.raises(BaseException) as caught:
        model(1)
    return caught.value


def test_the_path_starts_at_the_outermost_module() -> None:
    model = nn.Sequential()
    model.add_module("features", nn.Identity())
    model.add_module("classifier", nn.Sequential(nn.Identity(), nn.Identity(), nn.Linear(3, 2)))
    with pytest.raises(RuntimeError) as caught:
        model(ops.ones(4, 5))
    assert str(caught.value) == (
        "in classifier.2 (Linear): mat1 and mat2 shapes cannot be multiplied (4x5 and 3x2)"
    )


def test_a_layer_called_by_itself_has_no_path() -> None:
    assert str(error_of(Fails(ValueError("oops")))) == "oops"


def test_type_identity_and_traceback_stay() -> None:
    class Special(ValueError):
        pass

    original = Special("oops")
    found = error_of(nn.Sequential(nn.Sequential(Fails(original))))
    assert found is original
    assert str(found) == "in 0.0 (Fails): oops"
    assert traceback.extract_tb(found.__traceback__)[-1].line == "raise self.error"
    assert found.__cause__ is None and found.__context__ is None


def test_a_module_called_through_containers_is_found() -> None:
    found = error_of(nn.Sequential(Detour(Fails(ValueError("oops")), registered=True)))
    assert str(found) == "in 0.blocks.0.a (Fails): oops"


def test_a_module_that_nobody_registered_is_marked() -> None:
    found = error_of(nn.Sequential(Detour(Fails(ValueError("oops")), registered=False)))
    assert str(found) == "in 0.? (Fails): oops"


def test_an_error_of_a_parent_s_own_forward_names_the_parent() -> None:
    class Parent(nn.Module):
        def forward(self, x: object) -> object:
            raise TypeError("mine")

    assert str(error_of(nn.Sequential(nn.Identity(), Parent()))) == "in 1 (Parent): mine"


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt("stop"),
        SystemExit("stop"),
        StopIteration("done"),
        KeyError("key"),
        ValueError("two", "arguments"),
        ValueError(),
        ValueError(3),
        OSError(2, "No such file"),
    ],
    ids=repr,
)
def test_what_is_not_a_message_is_left_alone(error: BaseException) -> None:
    args = error.args
    found = error_of(nn.Sequential(Fails(error)))
    assert found is error and found.args == args


def test_an_error_raised_again_in_other_words_is_a_new_error() -> None:
    class Rewords(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Fails(ValueError("oops"))

        def forward(self, x: object) -> object:
            try:
                return self.inner(x)
            except ValueError as error:
                raise RuntimeError("reworded") from error

    found = error_of(nn.Sequential(Rewords()))
    assert str(found) == "in 0 (Rewords): reworded"
    assert str(found.__cause__) == "oops"


def test_the_same_error_raised_twice_is_not_named_twice() -> None:
    model = nn.Sequential(Fails(ValueError("oops")))
    assert str(error_of(model)) == "in 0 (Fails): oops"
    model[0].error = ValueError("oops")
    assert str(error_of(model)) == "in 0 (Fails): oops"


def test_a_hook_s_error_names_the_layer_too() -> None:
    model = nn.Sequential(nn.Identity())
    model[0].register_forward_hook(lambda *_: int("x"))
    assert str(error_of(model)).startswith("in 0 (Identity): invalid literal for int()")


def test_the_error_can_be_pickled() -> None:
    found = error_of(nn.Sequential(Fails(ValueError("oops"))))
    assert str(pickle.loads(pickle.dumps(found))) == "in 0 (Fails): oops"


def test_calling_super_call_adds_nothing() -> None:
    class Wrapped(Fails):
        def __call__(self, x: object) -> object:
            return super().__call__(x)

    assert str(error_of(nn.Sequential(Wrapped(ValueError("oops"))))) == "in 0 (Wrapped): oops"
