"""Functions from text: hot paths are written out for their operands, not interpreted each call."""

import linecache
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any

_compiled: dict[str, CodeType] = {}


def compile_function(source: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """Runs the definition of a function called `generated`; tracebacks show its lines.

    Functions with the same text share the compiled code and differ in their scope: compiling is
    most of what making one costs.
    """
    code = _compiled.get(source)
    if code is None:
        file = f"<facula generated {len(_compiled)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        code = _compiled[source] = compile(source, file, "exec")
    exec(code, scope)
    made: Callable[..., Any] = scope["generated"]
    return made


# A new tensor of `form{0}` in `y{0}`, its address in `a{0}`.
ALLOCATE = """\
    y{0} = allocate(form{0})
    a{0} = y{0}.address
"""


# Makes the node of an operation's single result, written out for the operation's arguments.
RECORD = """
def generated(y, {parameters}):
{prologue}    if y.__class__ is not Tensor:
        return general(op, y, {{{known}}})
    if not y.form.tracked:
        return
    node = new({node_type})
{edges}    node.edges = ({edge_names})
    node.order = next_order()
    node.extras = None
    node.op = op
    node.needs = ({needs})
    node.arity = {arity}
    node.outputs = 1
    versions = []
{keeps}    node.values = {{{values}}}
    node.versions = versions
    y.needs_grad = True
    y.edge = node
"""
EDGE = """\
    if {0} is None or not {0}.needs_grad:
        edge_{0} = None
    elif {0}.edge is None:
        edge_{0} = {0}
    else:
        edge_{0} = {0}.edge
"""


EDGES = """\
    edges_{0} = [
        None if not one.needs_grad else one if one.edge is None else one.edge for one in {0}
    ]
"""


def record_source(
    parameters: str,
    prologue: str,
    names: Sequence[str],
    tensors: Sequence[str],
    lists: Sequence[str],
    recipe: Sequence[tuple[str, str]],
    read_for: Mapping[str, int],
    keeps_result: bool,
    chooses: bool,
) -> str:
    """The recorder of an operation with arguments `names`, of which `tensors` are tensors or None,
    or, if among `lists`, lists of tensors; `recipe` says what its gradient reads."""
    keeps: list[str] = []
    values: list[str] = []
    for kind, name in recipe:
        if kind in ("y", "ys"):
            if keeps_result:
                keeps.append("saved = wrap(y.block, y.address, y.form)")
                keeps.append("versions.append((saved, saved.block.version))")
            saved = "saved" if keeps_result else "None"
            values.append(f"'y': {saved if kind == 'y' else f'({saved},)'}")
        elif kind != "value":
            continue
        elif name not in names:
            argument, _, what = name.rpartition("_")
            look = "storage_offset()" if what == "offset" else "form"
            if argument in lists:
                values.append(f"{name!r}: [one.{look} for one in {argument}]")
            else:
                values.append(f"{name!r}: None if {argument} is None else {argument}.{look}")
        elif name in tensors and name not in lists:
            wanted = f"{name} is not None"
            if name in read_for:
                wanted += f" and edge_{tensors[read_for[name]]} is not None"
            keeps.append(f"kept_{name} = {name} if {wanted} else None")
            keeps.append(f"if kept_{name} is not None:")
            keeps.append(f"    versions.append(({name}, {name}.block.version))")
            values.append(f"{name!r}: kept_{name}")
        else:
            values.append(f"{name!r}: keep({name}, versions)")
    return RECORD.format(
        parameters=parameters,
        prologue=prologue,
        known=", ".join(f"{n!r}: {n}" for n in names),
        edges="".join((EDGES if n in lists else EDGE).format(n) for n in tensors),
        edge_names="".join(f"*edges_{n}, " if n in lists else f"edge_{n}, " for n in tensors),
        needs="".join(
            f"[one is not None for one in edges_{n}], " if n in lists else f"edge_{n} is not None, "
            for n in tensors
        ),
        arity="[" + ", ".join(f"len(edges_{n})" if n in lists else "None" for n in tensors) + "]"
        if lists
        else "None",
        keeps="".join(f"    {line}\n" for line in keeps),
        values=", ".join(values),
        node_type=f"choose({', '.join(names)})" if chooses else "node_type",
    )
