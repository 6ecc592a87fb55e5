"""Operations whose gradients are functions over tensors."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.graph import FREED, Node, Output, check_version, next_order
from facula.autograd.mode import mode
from facula.dispatch.layout import as_tuple
from facula.dispatch.named import nameless
from facula.dispatch.node import NODE_CLASSES, edge_of, node_chooser, node_type
from facula.dispatch.source import compile_function, record_source
from facula.form import named_forms, seen
from facula.op import Operation
from facula.tensor import Tensor, wrap


class FunctionNode(Node):
    """A recorded operation whose gradient is a function over tensors; keeps values by name."""

    __slots__ = ("op", "values", "versions", "outputs", "needs", "arity")

    op: Any
    values: dict[str, Any] | None
    versions: list[tuple[Tensor, int]]
    outputs: int
    needs: tuple[Any, ...]
    # For each tensor argument how many tensors a list held; None if there was no list.
    arity: list[int | None] | None

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        values = self.values
        if values is None:
            raise RuntimeError(FREED)
        for tensor, version in self.versions:
            if tensor.block.version != version:
                check_version(tensor, version, self)
        op = self.op
        around = seen.complex and op.conjugates and any(map(is_complex, gradients))
        if around:
            gradients = [None if g is None else g.conj() for g in gradients]
        if seen.lazy and not op.takes_lazy:
            gradients = [resolved(g) for g in gradients]
        arguments: list[Any] = []
        for kind, name in op.recipe:
            if kind == "value":
                arguments.append(values[name])
            elif kind == "g":
                arguments.append(gradients[0] if self.outputs == 1 else tuple(gradients))
            elif kind == "needs":
                arguments.append(self.needs)
            else:
                arguments.append(self.results(values["y"]) if mode.enabled else values["y"])
        if named_forms:
            arguments = [nameless(one) for one in arguments]
        results = op.gradient_rule(*arguments)
        if around:
            results = conjugated(results)
        if not isinstance(results, (tuple, list)):
            return (results,)
        if self.arity is None:
            return results
        flat: list[Tensor | None] = []
        for result, many in zip(results, self.arity, strict=False):
            if many is None:
                flat.append(result)
            else:
                flat.extend(result if result is not None else [None] * many)
        flat += [None] * (len(self.edges) - len(flat))
        return flat

    def results(self, saved: Any) -> Any:
        """The saved result(s), tied to this node again because the gradient itself is recorded."""
        tied: list[Tensor | None] = []
        for index, y in enumerate(as_tuple(saved)):
            if y is None:
                tied.append(None)
                continue
            again = wrap(y.block, y.address, y.form)
            if y.form.tracked:
                again.needs_grad = True
                again.edge = self if self.outputs == 1 else Output(self, index)
            tied.append(again)
        return tuple(tied) if isinstance(saved, tuple) else tied[0]

    def release(self) -> None:
        if self.versions:
            self.values = None


NODE_CLASSES[Operation] = FunctionNode


def is_complex(value: Any) -> bool:
    return isinstance(value, Tensor) and value.form.dtype.is_complex


def conjugated(results: Any) -> Any:
    """Gradients after their function was given the conjugate of what arrived."""
    if isinstance(results, (tuple, list)):
        return tuple([conjugated(one) for one in results])
    return results.conj() if is_complex(results) else results


def resolved(value: Any) -> Any:
    """Arguments as kernels that know only memory want them: no lazy views among them."""
    if isinstance(value, Tensor):
        return value.clone() if value.form.lazy else value
    if type(value) in (list, tuple):
        return type(value)([resolved(one) for one in value])
    return value


def call_operation(op: Operation, *args: Any, **kwargs: Any) -> Any:
    """Runs an operation's forward unrecorded and records it if a gradient is wanted."""
    if seen.lazy and not op.takes_lazy:
        args = tuple([resolved(one) for one in args])
        kwargs = {name: resolved(one) for name, one in kwargs.items()}
    if not mode.enabled or op.gradient_rule is None or not _wants_gradient(args, kwargs):
        return owned(op.forward(*args, **kwargs), args)
    mode.enabled = False
    try:
        y = owned(op.forward(*args, **kwargs), args)
    finally:
        mode.enabled = True
    (op.recorder or recorder_of(op))(y, *args, **kwargs)
    return y


def owned(y: Any, args: tuple[Any, ...]) -> Any:
    """Results as nobody's views: a forward may end in a view of what it made, and a write into the
    result must not look for its history there."""
    if y.__class__ is Tensor:
        if y.base is not None and not any(_shares(v, y) for v in args):
            y.base = None
    elif y.__class__ is tuple:
        for one in y:
            owned(one, args)
    return y


def _shares(value: Any, y: Tensor) -> bool:
    if type(value) in (list, tuple):
        return any(_shares(one, y) for one in value)
    return isinstance(value, Tensor) and value.block is y.block


def _wants_gradient(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    for v in args:
        if isinstance(v, Tensor):
            if v.needs_grad:
                return True
        elif type(v) in (list, tuple):
            for w in v:
                if isinstance(w, Tensor) and w.needs_grad:
                    return True
    if kwargs:
        return _wants_gradient(tuple(kwargs.values()), {})
    return False


def bind(op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, defaults filled in."""
    values = dict(op.defaults)
    values.update(zip(op.parameters, args, strict=False))
    values.update(kwargs)
    return values


def recipe_of(op: Operation) -> tuple[tuple[str, str], ...]:
    """What each argument of a gradient function is: ("value", key of the kept values) or a role."""
    roles = {"g": "g", "needs": "needs", "y": "y", "ys": "ys"}
    known = {*op.parameters, "self"}
    return tuple(
        [
            (roles[name], name) if name in roles and name not in known else ("value", name)
            for name in op.gradient_names
        ]
    )


def record_operation(op: Operation, y: Any, values: dict[str, Any]) -> None:
    """Makes the node of a result, or of several."""
    results = y if isinstance(y, (tuple, list)) else (y,)
    if not any(t.form.tracked for t in results):
        return
    if op.recipe is None:
        op.recipe = recipe_of(op)
    node: FunctionNode = object.__new__(op._node_type or node_type(op))
    edges: list[Any] = []
    needs: list[Any] = []
    arity: list[int | None] | None = None
    for place, name in enumerate(op.tensor_names):
        value = values.get(name)
        if isinstance(value, (list, tuple)):
            found = [edge_of(t) for t in value]
            edges += found
            needs.append([e is not None for e in found])
            arity = [None] * len(op.tensor_names) if arity is None else arity
            arity[place] = len(found)
        else:
            edge = edge_of(value) if value is not None else None
            edges.append(edge)
            needs.append(edge is not None)
    node.edges = tuple(edges)
    node.order = next_order()
    node.extras = None
    node.op, node.needs, node.arity = op, tuple(needs), arity
    node.outputs = len(results)
    kept: dict[str, Any] = {}
    versions: list[tuple[Tensor, int]] = []
    for kind, name in op.recipe:
        if kind == "value":
            if name not in values:
                kept[name] = described(name, values)
            elif name in op.read_for and not needs[op.read_for[name]]:
                kept[name] = None
            else:
                kept[name] = keep(values[name], versions)
        elif kind in ("y", "ys"):
            saved = tuple(
                [
                    wrap(t.block, t.address, t.form)
                    if op.kept_outputs is None or place in op.kept_outputs
                    else None
                    for place, t in enumerate(results)
                ]
            )
            kept["y"] = keep(saved if kind == "ys" else saved[0], versions)
    node.values, node.versions = kept, versions
    for index, t in enumerate(results):
        if t.form.tracked and (
            op.differentiable_outputs is None or index in op.differentiable_outputs
        ):
            t.needs_grad = True
            t.edge = node if node.outputs == 1 else Output(node, index)


def record_list(op: Operation, y: Tensor, tensors: Sequence[Tensor], kept: dict[str, Any]) -> None:
    """What `record_operation` comes to for one result of one list of tensors, of which the gradient
    reads nothing; `kept` is what it does read."""
    node: FunctionNode = object.__new__(op._node_type or node_type(op))
    node.edges = edges = tuple(
        [None if not t.needs_grad else t if t.edge is None else t.edge for t in tensors]
    )
    node.order = next_order()
    node.extras = None
    node.op, node.outputs = op, 1
    node.needs, node.arity = ([edge is not None for edge in edges],), [len(edges)]
    node.values, node.versions = kept, []
    y.needs_grad = True
    y.edge = node


def recorder_of(op: Operation) -> Callable[..., None]:
    """record(results, *args, **kwargs) of an operation: arguments as its forward takes them."""
    given = inspect.signature(op.forward).parameters.values()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in given):

        def record(y: Any, *args: Any, **kwargs: Any) -> None:
            record_operation(op, y, bind(op, args, kwargs))

        op.recorder = record
        return record
    scope: dict[str, Any] = {}
    parts: list[str] = []
    for p in given:
        if p.kind is p.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        if p.default is p.empty:
            parts.append(p.name)
        else:
            scope[f"default_{p.name}"] = p.default
            parts.append(f"{p.name}=default_{p.name}")
    op.recorder = written_recorder(op, ", ".join(parts), "", scope)
    return op.recorder


def written_recorder(
    op: Operation, parameters: str, prologue: str, scope: dict[str, Any]
) -> Callable[..., None]:
    """The recorder for these parameters; `prologue` makes them the operation's own.

    Several results and results without gradients go the general road.
    """
    if op.recipe is None:
        op.recipe = recipe_of(op)
    declared = op.types
    lists = [n for n in op.parameters if declared.get(n, "").startswith("Tensor[")]
    general = (
        (op.differentiable_outputs is not None and 0 not in op.differentiable_outputs)
        or any(n in lists or op.tensor_names[place] in lists for n, place in op.read_for.items())
        or any(word.startswith("Tensor?[") for word in declared.values())
    )
    if general:
        known = ", ".join(f"{n!r}: {n}" for n in op.parameters)
        text = f"def generated(y, {parameters}):\n{prologue}    general(op, y, {{{known}}})\n"
    else:
        keeps = op.kept_outputs is None or 0 in op.kept_outputs
        text = record_source(
            parameters, prologue, op.parameters, op.tensor_names, lists, op.recipe, op.read_for,
            keeps, op.name_nodes is not None,
        )  # fmt: skip
        scope["choose"] = node_chooser(op)
    scope |= {
        "Tensor": Tensor, "general": record_operation, "op": op, "new": object.__new__,
        "node_type": node_type(op), "next_order": next_order, "wrap": wrap, "keep": keep,
    }  # fmt: skip
    return compile_function(text, scope)


def described(name: str, values: dict[str, Any]) -> Any:
    """`<argument>_form` or `<argument>_offset`: what a gradient needs to know without its data."""
    argument, _, what = name.rpartition("_")
    value = values[argument]
    if what == "offset":
        return value.storage_offset()
    if isinstance(value, (list, tuple)):
        return [t.form for t in value]
    return None if value is None else value.form


def keep(value: Any, versions: list[tuple[Tensor, int]]) -> Any:
    """The value, with the versions of the tensors in it noted. (A nested function that calls itself
    would be a reference cycle holding every saved tensor.)"""
    if isinstance(value, Tensor):
        versions.append((value, value.block.version))
    elif isinstance(value, (list, tuple)):
        for one in value:
            keep(one, versions)
    return value
