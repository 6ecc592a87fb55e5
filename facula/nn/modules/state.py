"""Loading of state dictionaries into a tree of modules, and what is said when they do not fit.

`Module.load_state_dict` and `Module._load_from_state_dict` call these; subclasses override those.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from facula.autograd.mode import no_grad
from facula.nn.parameter import Parameter
from facula.tensor import Tensor

if TYPE_CHECKING:
    from facula.nn.modules.module import Module

__all__ = ["IncompatibleKeys", "load_tensor", "load_tree"]


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found missing, and what it found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )

    def complaints(self) -> list[str]:
        """What strict loading says of these keys."""
        said = (("Missing", self.missing_keys), ("Unexpected", self.unexpected_keys))
        return [
            f"{which} key(s) in state_dict: " + ", ".join(f'"{key}"' for key in keys) + ". "
            for which, keys in said
            if keys
        ]


def load_tree(
    module: "Module", state_dict: Mapping[str, Any], assign: bool
) -> tuple[IncompatibleKeys, list[str]]:
    """Load a module and all below; the keys without a partner, and the errors."""
    metadata = getattr(state_dict, "_metadata", None)
    copied: Any = OrderedDict(state_dict)  # hooks may change it
    if metadata is not None:
        copied._metadata = metadata
    keys = IncompatibleKeys([], [])
    errors: list[str] = []
    _load_below(module, copied, "", metadata, assign, keys, errors)
    return keys, errors


def _load_below(
    module: "Module",
    state: dict[str, Any],
    prefix: str,
    metadata: Mapping[str, dict[str, Any]] | None,
    assign: bool,
    keys: IncompatibleKeys,
    errors: list[str],
) -> None:
    local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
    if assign:
        local_metadata["assign_to_params_buffers"] = True
    module._load_from_state_dict(
        state, prefix, local_metadata, True, keys.missing_keys, keys.unexpected_keys, errors
    )
    for name, child in module._modules.items():
        if child is not None:
            start = prefix + name + "."
            below = {key: value for key, value in state.items() if key.startswith(start)}
            _load_below(child, below, start, metadata, assign, keys, errors)
    for hook in module._state_hook_list("load_post"):
        if hook.function(module, keys) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                "expected to return new values, if incompatible_keys need to be modified, "
                "it should be done inplace."
            )


def load_tensor(module: "Module", name: str, key: str, given: Any, assign: bool) -> list[str]:
    """Copy `given` into a module's own tensor, or assign it; what went wrong, if something did."""
    present = getattr(module, name)
    if not isinstance(given, Tensor):
        return [
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
            f"object from checkpoint but received {type(given)}"
        ]
    if present.dim() == 0 and tuple(given.shape) == (1,):
        given = given[0]  # scalars were saved with one dimension long ago
    if given.shape != present.shape:
        return [
            f"size mismatch for {key}: copying a param with shape {given.shape} from "
            f"checkpoint, the shape in current model is {present.shape}."
        ]
    try:
        with no_grad():
            if not assign:
                present.copy_(given)
                return []
            if isinstance(present, Parameter):
                if isinstance(given, Parameter):
                    given.requires_grad_(present.requires_grad)
                else:
                    given = Parameter(given, requires_grad=present.requires_grad)
            setattr(module, name, given)
    except Exception as error:  # told to the user together with all others
        return [
            f'While copying the parameter named "{key}", whose dimensions in the model are '
            f"{present.size()} and whose dimensions in the checkpoint are {given.size()}, "
            f"an exception occurred : {error.args}."
        ]
    return []
