"""Teams: parameters that step together, because they have made equally many steps before.

As in PyTorch each parameter's state has a tensor "step". Those of a team are views of one tensor,
so that one operation advances them all, and the count is known without reading memory.
"""

from operator import is_
from typing import Any

from facula import ops
from facula.launch.update import update
from facula.meta.dtype import float32, float64, get_default_dtype
from facula.tensor import Tensor

State = dict[str, Any]
COUNT = update("count", lambda n, one: (n + one,), ("n",), writes=("n",), scalars=("one",))


class Team:
    """Parameters, their states, and how many steps they have made."""

    __slots__ = ("_add", "_steps", "_version", "_views", "count", "params", "states")

    def __init__(self, params: list[Tensor], states: list[State], count: float):
        self.params = params
        self.states = states
        self.count = count
        dtype = float64 if get_default_dtype() is float64 else float32
        self._steps = ops.full((len(params),), count, dtype=dtype)
        self._views = list(self._steps.unbind(0))
        self._version = self._steps._version
        self._add = COUNT.bound([(self._steps,)])
        for state, view in zip(states, self._views):
            state["step"] = view

    def is_untouched(self) -> bool:
        """True while nobody else has written or replaced a "step"."""
        steps = [state.get("step") for state in self.states]
        return self._steps._version == self._version and all(map(is_, steps, self._views))

    def advance(self) -> None:
        """Counts one more step."""
        self._add(1.0)
        self._version += 1
        self.count += 1


class Lineup:
    """The teams of a parameter group, and for which parameters and states they were formed."""

    __slots__ = ("_params", "_states", "teams")

    def __init__(self, params: list[Tensor], states: list[State]):
        self._params = params
        self._states = states
        members: dict[float, tuple[list[Tensor], list[State]]] = {}
        for param, state in zip(params, states):
            same_params, same_states = members.setdefault(float(state["step"]), ([], []))
            same_params.append(param)
            same_states.append(state)
        self.teams = [Team(*both, count) for count, both in members.items()]

    def stands(self, params: list[Tensor], states: list[State]) -> bool:
        """True if these are still the same parameters and states, with steps as counted."""
        return (
            len(params) == len(self._params)
            and all(map(is_, params, self._params))
            and all(map(is_, states, self._states))
            and all(team.is_untouched() for team in self.teams)
        )
