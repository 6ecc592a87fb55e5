"""Plans: what a kernel computes, as frozen data, for one class of layouts.

A plan knows dtypes, formulas and which strides are special, never sizes, addresses or devices. The
interpreter (`backend/interpreter`) defines what each plan means; `lower.py` and `library/` say how
a machine does it fast. Every plan names its kernel's arguments, in order, in `parameters`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from facula.kernel.expr import Graph
from facula.kernel.program import Parameter, Program
from facula.kernel.target import Target


@dataclass(frozen=True, slots=True)
class Plan:
    """Abstract. A frozen description that, with a `Target`, determines a program."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        raise NotImplementedError


Lowering = Callable[..., Program]
LOWERINGS: dict[type[Plan], Lowering] = {}


def lowering(plan_type: type[Plan]) -> Callable[[Lowering], Lowering]:
    """Registers `function(plan, target) -> Program` as the way to lower plans of a type."""

    def register(function: Lowering) -> Lowering:
        LOWERINGS[plan_type] = function
        return function

    return register


def lower(plan: Plan, target: Target) -> Program:
    """The program of a plan on a machine."""
    return LOWERINGS[type(plan)](plan, target)


def _operand_parameters(
    names: tuple[str, ...], inner: tuple[str, ...], rank: int
) -> tuple[Parameter, ...]:
    """Strides of every operand along every loop, but for an innermost one that the code knows."""
    listed = []
    for name, kind in zip(names, inner, strict=True):
        listed += [Parameter(f"{name}_s{d}") for d in range(rank - 1)]
        if kind == "s":
            listed.append(Parameter(f"{name}_s{rank - 1}"))
    return tuple(listed)


@dataclass(frozen=True, slots=True)
class Pointwise(Plan):
    """Every output element is a formula of the input elements at the same place.

    `rank` loops, outermost first; `inner` says for each operand (inputs, then outputs) how it moves
    along the last loop: "1" to the neighbour, "0" not at all, "s" by a stride given at call time;
    inputs also "r", to the neighbour before.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: tuple[str, ...]
    graph: Graph
    rank: int
    inner: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        ins = tuple(f"x{k}" for k in range(len(self.inputs)))
        return ins + tuple(f"y{k}" for k in range(len(self.outputs)))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            *(Parameter(f"d{k}") for k in range(self.rank)),
            *_operand_parameters(self.names, self.inner, self.rank),
            *(Parameter(name) for name in self.names),
            *(Parameter(f"p{k}", kind) for k, kind in enumerate(self.params)),
        )

    def __str__(self) -> str:
        head = f"pointwise {self.inputs} -> {self.outputs}, rank {self.rank}, {self.inner}"
        return f"{head}\n{self.graph}"


@dataclass(frozen=True, slots=True)
class Reduce(Plan):
    """Elements along the reduced loops become states, combined in a fixed order, then finished.

    Loops: `kept` ones, then `reduced` ones, each outermost first. `along` names the group whose
    last loop is innermost in memory ("reduced" or "kept"). `inner` gives each input's step along
    that loop; outputs step by `output_inner` along the last kept loop. With `split`, units cover
    `chunk` positions of the last (along reduced) or first (along kept) reduced loop and the outputs
    are states, chunk by chunk, for a second plan to combine. `map` sees inputs then the position
    along a single reduced loop. With `narrow` an f64 sum of f32 values may add some in f32.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: tuple[str, ...]
    map: Graph
    combine: Graph
    finish: Graph
    unit: tuple[tuple[str, float], ...]
    kept: int
    reduced: int
    along: str
    inner: tuple[str, ...]
    split: bool = False
    uses_position: bool = False
    narrow: bool = False

    @property
    def input_names(self) -> tuple[str, ...]:
        return tuple(f"x{k}" for k in range(len(self.inputs)))

    @property
    def output_names(self) -> tuple[str, ...]:
        return tuple(f"y{k}" for k in range(len(self.outputs)))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        listed = [Parameter(f"k{d}") for d in range(self.kept)]
        listed += [Parameter(f"r{d}") for d in range(self.reduced)]
        for name in self.input_names:
            listed += [Parameter(f"{name}_k{d}") for d in range(self.kept)]
            listed += [Parameter(f"{name}_r{d}") for d in range(self.reduced)]
        for name in self.output_names:
            listed += [Parameter(f"{name}_k{d}") for d in range(self.kept)]
            if self.split:
                listed.append(Parameter(f"{name}_c"))
        if self.split:
            listed.append(Parameter("chunk"))
        listed += [Parameter(name) for name in self.input_names + self.output_names]
        listed += [Parameter(f"p{k}", kind) for k, kind in enumerate(self.params)]
        return tuple(listed)

    def __str__(self) -> str:
        return (
            f"reduce {self.inputs} -> {self.outputs}, kept {self.kept}, reduced {self.reduced}, "
            f"along {self.along}, {self.inner}\nmap\n{self.map}\ncombine\n{self.combine}\n"
            f"finish\n{self.finish}"
        )


@dataclass(frozen=True, slots=True)
class Scan(Plan):
    """Running states along one loop: outputs[i] = finish(state combined over positions 0..i).

    Loops: `kept` ones, then the scanned one (`n`). Strides as in `Reduce`. `across`: all operands
    step to the neighbour along the last kept loop, so that vectors run along it.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    map: Graph
    combine: Graph
    finish: Graph
    unit: tuple[tuple[str, float], ...]
    kept: int
    across: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        listed = [Parameter(f"k{d}") for d in range(self.kept)] + [Parameter("n")]
        names = [f"x{k}" for k in range(len(self.inputs))]
        names += [f"y{k}" for k in range(len(self.outputs))]
        for name in names:
            listed += [Parameter(f"{name}_k{d}") for d in range(self.kept)]
            listed.append(Parameter(f"{name}_n"))
        return (*listed, *(Parameter(name) for name in names))
