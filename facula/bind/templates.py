"""The text of the functions that `facula/bind` makes: roads for operands seen before.

Each looks its operands' forms up, and calls `miss` for what it does not find. Python text only:
nothing is run here. Note [hot path].
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final


class Missing:
    """Stands for an argument that a call did not give."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()

# Arguments that nobody gives a number for.
NEVER_NUMBERS = frozenset(("dtype", "out"))

# A number is no tensor: to find that out by an exception would cost more than the operation.
NUMBER_CHECK = """
    if {other}.__class__ is not Tensor and {other}.__class__ in NUMBERS:
        return with_number({values})"""

# Of more than two operands any but one may be numbers; `numbered` knows a function for each case.
NUMBERS_CHECK = """
    if {some}:
        with_numbers = numbered.get(({which}))
        if with_numbers is not None:
            return with_numbers({values})"""

POINTWISE = """
def generated({tensors}):{number_check}
    try:
        run, launch = launches[{key}]
        y = run({operands})
    except (KeyError, AttributeError, OverflowError):  # a number beyond 64 bits
        return miss(({tensors},)){check}
    if ({needs}) and launch.differentiable and mode.enabled:
        y.needs_grad = True
        y.edge = node = new(node_type)
        node.edges = ({edges})
        node.order = next_order()
        node.extras = None
        node.launch = launch
        node.needs = needs = ({flags})
        if needs in launch.bare:
            node.values = launch.constants
            node.versions = ()
        else:
            (launch.keep.get(needs) or build_keep(launch, needs))(node, y, {tensors}{defaults})
    return y
"""

# Writing takes the general road where a graph must learn of it, and where operands may overlap.
INPLACE = """
def generated({parameters}):{number_check}
    try:
        run = writes[{key}]
        storage = {target}.block
        base = {target}.base
        if (
            ({conditions})
            and not (({needs} or (base is not None and base.needs_grad)) and mode.enabled)
        ):
            y = run({operands}){check}
            storage.version += 1
            return {target}
    except (KeyError, AttributeError, OverflowError):
        pass
    return miss(({names},))
"""

VIEW = """
def generated({parameters}):
    try:
        form, offset, op, args = looks[{self}.form, {key}]
    except (KeyError, TypeError, AttributeError):
        return miss({self}, ({values}))
    if {self}.needs_grad and mode.enabled:
        if op is None:
            return miss({self}, ({values}))
        y = share({self}, form, offset)
        record(op, {self}, y, args)
        return y
    return share({self}, form, offset)
"""

# One argument only moves the view: it is no part of the key.
MOVING_VIEW = """
def generated({parameters}):
    try:
        form, step, size, limit = looks[{self}.form, {key}]
    except (KeyError, TypeError, AttributeError):
        return miss({self}, ({values}))
    if {moves}.__class__ is not int:
        return miss({self}, ({values}))
    place = {moves} + size if {moves} < 0 else {moves}
    if not 0 <= place < limit:
        return miss({self}, ({values}))
    y = share({self}, form, place * step)
    if {self}.needs_grad and mode.enabled:
        record(op, {self}, y, ({values}))
    return y
"""


def number_check(other: str, values: Sequence[str]) -> str:
    return NUMBER_CHECK.format(other=other, values=", ".join(values))


def report_check(reports: bool, indent: str) -> str:
    """The line that raises what a kernel reports."""
    return f"\n{indent}if y.__class__ is int: raise op.error_codes[y]()" if reports else ""


def pointwise_source(
    names: Sequence[str],
    keyed: Sequence[str],
    defaults: Sequence[Any],
    reports: bool,
    takes_number: bool,
    numbers: Sequence[str] = (),
) -> str:
    """The hot function of some operands: `keyed` names in the launch key's order, `numbers` the
    scalars among them, which come last in it."""
    tensors = [n for n in names if n not in numbers]
    checks = ""
    if takes_number and len(names) == 2:
        checks = number_check(names[1], names)
    elif takes_number:
        checks = NUMBERS_CHECK.format(
            some=" or ".join(f"{n}.__class__ is not Tensor" for n in names),
            which="".join(f"{n}.__class__ in NUMBERS, " for n in names),
            values=", ".join(names),
        )
    return POINTWISE.format(
        number_check=checks,
        tensors=", ".join(names),
        key=", ".join(f"{n}.__class__" if n in numbers else f"{n}.form" for n in keyed),
        operands=", ".join(keyed),
        check=report_check(reports, " " * 4),
        needs=" or ".join(f"{n}.needs_grad" for n in tensors),
        edges="".join(
            "None, "
            if n in numbers
            else f"({n} if {n}.edge is None else {n}.edge) if {n}.needs_grad else None, "
            for n in names
        )
        + "None, " * len(defaults),
        flags="".join("False, " if n in numbers else f"{n}.needs_grad, " for n in names)
        + "False, " * len(defaults),
        defaults="".join(f", {d!r}" for d in defaults),
    )


def inplace_source(
    parameters: str,
    names: Sequence[str],
    tensors: Sequence[str],
    conditions: Iterable[str],
    reports: bool,
    takes_number: bool,
    number: str | None = None,
) -> str:
    """The in-place function: `names` are all arguments, `tensors` those that are tensors now."""
    target = names[0]
    apart = [
        f"({n} is {target} or {n}.block.address != storage.address)" for n in tensors if n != target
    ]
    keyed = [*tensors, number] if number else tensors
    return INPLACE.format(
        number_check=number_check(names[1], names) if takes_number else "",
        parameters=parameters,
        key=", ".join(f"{n}.__class__" if n == number else f"{n}.form" for n in keyed)
        + ("," if len(keyed) == 1 else ""),
        target=target,
        conditions=" and ".join([*conditions, *apart]) or "True",
        needs=" or ".join(f"{n}.needs_grad" for n in tensors),
        operands=", ".join([*tensors, target, *([number] if number else [])]),
        check=report_check(reports, " " * 12),
        names=", ".join(names),
    )


# What comes to one launch. If that reports something, the general road finds out what.
LAUNCH = """
def generated({parameters}):
    try:
        run = runs[{key}]
        if run is None:
            return slow({values})
        wanted = ({needs}) and mode.enabled
        if wanted and record is None and run not in exact:
            return slow({values})
        y = run({tensors})
        if y.__class__ is Tensor:
            if wanted and record is not None:
                record(y, {values})
            return y
    except (KeyError, TypeError, AttributeError):
        pass
    return miss({values})
"""


# A composite again, with arguments whose kinds are known to be right.
AGAIN = """
def generated({parameters}):
    if {plain}:
{prologue}        return forward({arguments})
    return general({values})
"""


# Classes of arguments that have been accepted are not looked at again.
SEEN = """
def generated({parameters}):
    if ({classes}) in seen:
{prologue}        try:
            return forward({arguments})
        except Exception as error:
            explain(error, {given})
            raise
    return miss({values})
"""


def seen_source(signature: "CallSignature", first: str, given: Sequence[inspect.Parameter]) -> str:
    """The function of a composite or an operation that takes `given`, `first` by another name."""
    values = [first, *signature.values]
    known = {p.name: p for p in given}
    defaults = [n for n, p in known.items() if p.default is not p.empty and n in signature.values]
    arguments = [
        f"{p.name}={first if p is given[0] else p.name}"
        if p.kind is p.KEYWORD_ONLY
        else (first if p is given[0] else p.name)
        for p in given
    ]
    return SEEN.format(
        given=", ".join(values),
        parameters=signature.parameters(first),
        classes="".join(f"{n}.__class__, " for n in values),
        prologue=signature.prologue(defaults, " " * 8),
        arguments=", ".join(arguments),
        values=", ".join(values),
    )


class CallSignature:
    """The parameters of a function, all optional, so that one text serves every call."""

    def __init__(
        self,
        function: Callable[..., Any],
        gathers: bool,
        spellings: dict[str, str],
        keywords: Sequence[str] = (),
        lists: Collection[str] = (),
        by_name: Collection[str] = (),
    ) -> None:
        given = list(inspect.signature(function).parameters.values())[1:]
        several = [p.name for p in given if p.kind is p.VAR_POSITIONAL]
        self.several = several[0] if several else "many" if gathers else ""
        self.names = [p.name for p in given if p.kind is not p.VAR_POSITIONAL]
        only = {p.name for p in given if p.kind is p.KEYWORD_ONLY} | {*by_name}
        self.by_place = [] if self.several else [n for n in self.names if n not in only]
        self.spellings = spellings
        said = [] if self.several else list(spellings)
        rest = [n for n in [*self.names, *keywords] if n not in self.by_place]
        self.keywords = [*rest, *said]
        # Arguments that may be tuples of ints.
        self.lists = frozenset(lists) | {n for n, meant in spellings.items() if meant in lists}
        # Names in the order of a call's values: those gathered by * come first, as one tuple.
        self.values = ([self.several] if self.several else []) + self.by_place + self.keywords

    def parameters(self, first: str) -> str:
        places = [f"{n}=MISSING" for n in self.by_place if n != "self"]
        star = [f"*{self.several}"] if self.several else ["*"] if self.keywords else []
        return ", ".join([first, *places, *star, *[f"{n}=MISSING" for n in self.keywords]])

    def prologue(self, defaults: Iterable[str], indent: str) -> str:
        """Lines that give what was said by another name its own, and what was not its default."""
        lines = [
            f"if {said} is not MISSING: {meant} = {said}"
            for said in self.values
            if (meant := self.spellings.get(said, said)) != said
        ]
        lines += [f"if {name} is MISSING: {name} = default_{name}" for name in defaults]
        return "".join(f"{indent}{line}\n" for line in lines)

    def call(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call again, as they were given."""
        known = dict(zip(self.values, values, strict=True))
        args = tuple(known.pop(self.several)) if self.several else ()
        given = {n: v for n, v in known.items() if v is not MISSING}
        if any(said in given and meant in given for said, meant in self.spellings.items()):
            return (*args, *given.values()), {}  # one too many by place: no other way to both
        places = []
        for name in self.by_place:
            if name not in given:
                break
            places.append(given.pop(name))
        return (*args, *places), given


def strict_key(signature: "CallSignature", left_out: Collection[str] = ()) -> list[str]:
    """The parts of a key for arguments that are no tensors. Their classes belong to it, because 1,
    1.0 and True are equal, and those of the elements of tuples."""
    parts: list[str] = []
    for name in signature.values:
        if name in left_out:
            continue
        parts.append(name)
        if name == signature.several:
            parts.append(f"*map(type, {name})")
        elif name in signature.lists:
            parts.append(
                f"{name}.__class__ if {name}.__class__ is not tuple else (*map(type, {name}),)"
            )
        elif name not in NEVER_NUMBERS:
            parts.append(f"{name}.__class__")
    return parts


def strict_values(signature: "CallSignature", named: Mapping[str, Any]) -> list[Any]:
    """What `strict_key` comes to for these values."""
    parts: list[Any] = []
    for name, value in named.items():
        parts.append(value)
        if name == signature.several:
            parts += map(type, value)
        elif name in signature.lists and type(value) is tuple:
            parts.append(tuple(map(type, value)))
        elif name not in NEVER_NUMBERS:
            parts.append(type(value))
    return parts


def launch_source(signature: CallSignature, first: str, tensors: Sequence[str]) -> str:
    """The function of a record that comes to one launch on its tensors: the first argument and
    those named."""
    operands = [first, *tensors]
    keyed = [f"{n}.form" for n in tensors] + strict_key(signature, tensors)
    return LAUNCH.format(
        parameters=signature.parameters(first),
        key="".join(f"{n}, " for n in [f"{first}.form", *keyed]),
        needs=" or ".join(f"{n}.needs_grad" for n in operands),
        values=", ".join([first, *signature.values]),
        tensors=", ".join(operands),
    )


def again_source(
    signature: CallSignature, first: str, required: Sequence[str], optional: Sequence[str]
) -> str:
    """Calls `forward`, with arguments by name, where all it requires are given and nothing else."""
    known = {*required, *optional, *signature.spellings}
    foreign = [n for n in signature.values if n not in known]
    plain = [f"{n} is MISSING" for n in foreign] + [f"{n} is not MISSING" for n in required]
    values = ", ".join([first, *signature.values])
    return AGAIN.format(
        parameters=values,
        plain=" and ".join(plain) or "True",
        prologue=signature.prologue(optional, " " * 8),
        arguments=", ".join([first, *[f"{n}={n}" for n in [*required, *optional]]]),
        values=values,
    )


def view_source(signature: CallSignature, first: str, moves: str | None) -> str:
    """The function of a view whose first parameter is called `first`."""
    values = "".join(f"{n}, " for n in signature.values)
    key = "".join(f"{part}, " for part in strict_key(signature, (moves,) if moves else ()))
    if moves is None:
        return VIEW.format(
            parameters=signature.parameters(first), self=first, key=key, values=values
        )
    return MOVING_VIEW.format(
        parameters=signature.parameters(first),
        self=first,
        key=key,
        values=values,
        moves=moves,
    )
