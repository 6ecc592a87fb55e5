"""The engine: walks recorded nodes from the youngest to the oldest and hands gradients on.

A node is younger than everything it depends on, so taking the youngest waiting node first means
that all its gradients have arrived: no counting of dependencies. The loop is iterative; depth is no
limit.
"""

import sys
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from facula.autograd.graph import NodeExtras, Output
from facula.autograd.mode import mode
from facula.op import registry
from facula.tensor import Tensor

# References to a gradient that only this engine still holds: the loop's variable and the argument.
SOLE_REFERENCES = 3


def run(
    roots: Sequence[Tensor],
    gradients: Sequence[Tensor],
    *,
    retain_graph: bool,
    create_graph: bool,
    inputs: Sequence[Tensor] | None = None,
    accumulate: bool = True,
) -> list[Tensor | None]:
    """Propagates `gradients` from `roots`; adds to leaves' `.grad` or returns those of `inputs`."""
    # Waiting nodes by order, with what has arrived for each output; heap: the orders, negated.
    waiting: dict[int, tuple[Any, list[Tensor | None]]] = {}
    heap: list[int] = []
    leaves: dict[int, list[Any]] = {}
    wanted = None if inputs is None else _captures(inputs)
    plain = wanted is None and not retain_graph
    edges: Sequence[Any] = [root if root.edge is None else root.edge for root in roots]
    passed: Any = gradients
    before, mode.enabled = mode.enabled, create_graph
    try:
        while True:
            for edge, gradient in zip(edges, passed, strict=True):
                if edge is None or gradient is None:
                    continue
                if not edge.is_node:
                    _collect(leaves, edge, gradient)
                    continue
                node, index = (edge.node, edge.index) if type(edge) is Output else (edge, 0)
                order = node.order
                entry = waiting.get(order)
                if entry is None:
                    slots: list[Tensor | None] = [None] * node.outputs
                    slots[index] = gradient
                    waiting[order] = (node, slots)
                    heappush(heap, -order)
                else:
                    slots = entry[1]
                    sum_so_far = slots[index]
                    slots[index] = gradient if sum_so_far is None else sum_so_far + gradient
            # Nothing here may keep alive what the next operation makes superfluous.
            passed = gradient = sum_so_far = slots = entry = None  # type: ignore[assignment]
            if not heap:
                return _finish(leaves, wanted, accumulate, create_graph)
            node, arrived = waiting.pop(-heappop(heap))
            edges = node.edges
            if plain and node.extras is None:
                passed = node.backward(arrived)
                node.release()
            else:
                passed = _visit(node, arrived, wanted, retain_graph)
            arrived = None  # type: ignore[assignment]
    finally:
        mode.enabled = before


def _visit(
    node: Any, arrived: list[Tensor | None], wanted: "_captures | None", retain_graph: bool
) -> Any:
    """One node's gradients, with hooks run and wanted gradients caught."""
    extras = node.extras
    if extras is not None:
        arrived = _before(extras, arrived)
    if wanted is not None:
        wanted.catch(node, arrived)
        if not wanted.passes(node):
            return (None,) * len(node.edges)
    passed = node.backward(arrived)
    if extras is not None:
        passed = _after(extras, passed, arrived)
    if not retain_graph:
        node.release()
    return passed


def _collect(leaves: dict[int, list[Any]], leaf: Tensor, gradient: Tensor) -> None:
    entry = leaves.get(id(leaf))
    if entry is None:
        leaves[id(leaf)] = [leaf, gradient]
    else:
        entry[1] = entry[1] + gradient


def _before(extras: NodeExtras, arrived: list[Tensor | None]) -> list[Tensor | None]:
    """Hooks of the tensors this node made (`register_hook`, `retain_grad`), then the node's own."""
    for index, hooks in list(extras.tensor_hooks.items()):
        if arrived[index] is not None:
            arrived[index] = call_hooks(hooks, arrived[index])
    for index, keep in extras.retaining.items():
        if arrived[index] is not None:
            keep(arrived[index])
    for hook in list(extras.prehooks.values()):
        replaced = hook(tuple(arrived))
        if replaced is not None:
            arrived = list(replaced if isinstance(replaced, tuple) else (replaced,))
    return arrived


def _after(extras: NodeExtras, passed: Any, arrived: list[Tensor | None]) -> Any:
    for hook in list(extras.hooks.values()):
        replaced = hook(tuple(passed), tuple(arrived))
        if replaced is not None:
            passed = replaced if isinstance(replaced, tuple) else (replaced,)
    return passed


def call_hooks(hooks: dict[int, Any], gradient: Any) -> Any:
    """Runs tensor hooks in order; each may replace the gradient."""
    for hook in list(hooks.values()):
        replaced = hook(gradient)
        if replaced is not None:
            if not isinstance(replaced, Tensor):
                raise TypeError(f"expected Variable, but hook returned '{type(replaced).__name__}'")
            if replaced.shape != gradient.shape:
                raise RuntimeError(
                    f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value"
                )
            gradient = replaced
    return gradient


class _captures:
    """The inputs of `autograd.grad`: which gradients to catch, and which nodes lead to them."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self.inputs = inputs
        self.caught: dict[tuple[int, int], Tensor | None] = {}
        self.targets = {(id(t.edge.node), t.edge.index) for t in inputs if t.edge is not None}
        self.nodes = {key[0] for key in self.targets}
        self.leaf_ids = {id(t) for t in inputs if t.edge is None}
        self.leads: dict[int, bool] = {}

    def catch(self, node: Any, arrived: list[Tensor | None]) -> None:
        if id(node) in self.nodes:
            for index, gradient in enumerate(arrived):
                if (id(node), index) in self.targets:
                    self.caught[id(node), index] = gradient

    def passes(self, node: Any) -> bool:
        """True if some path from the node ends in a wanted input."""
        known = self.leads.get(id(node))
        if known is not None:
            return known
        stack = [node]
        while stack:
            current = stack[-1]
            if id(current) in self.leads:
                stack.pop()
                continue
            missing, leads = [], False
            for edge in current.edges:
                if edge is None:
                    continue
                if not edge.is_node:
                    leads = leads or id(edge) in self.leaf_ids
                    continue
                following = edge.node
                if (id(following), edge.index) in self.targets:
                    leads = True
                elif id(following) not in self.leads:
                    missing.append(following)
                else:
                    leads = leads or self.leads[id(following)]
            # A wanted node is followed further as well: inputs may depend on each other.
            further = [e.node for e in current.edges if e is not None and e.is_node]
            missing += [n for n in further if id(n) not in self.leads and n not in missing]
            if missing:
                stack.extend(missing)
                continue
            self.leads[id(current)] = leads
            stack.pop()
        return self.leads[id(node)]


def _finish(
    leaves: dict[int, list[Any]],
    wanted: _captures | None,
    accumulate: bool,
    create_graph: bool,
) -> list[Tensor | None]:
    results: list[Tensor | None] = []
    while leaves:
        key, (leaf, gradient) = leaves.popitem()
        if wanted is not None and key not in wanted.leaf_ids:
            continue
        hooks = None if leaf.extra is None else leaf.extra.hooks
        if hooks:
            gradient = call_hooks(hooks, gradient)
        if accumulate:
            accumulate_grad(leaf, gradient, create_graph)
            after = None if leaf.extra is None else leaf.extra.after_hooks
            if after:
                for hook in list(after.values()):
                    hook(leaf)
        elif wanted is not None:
            wanted.caught[key, -1] = gradient
    if wanted is None:
        return results
    for tensor in wanted.inputs:
        if tensor.edge is None:
            found = wanted.caught.get((id(tensor), -1))
        else:
            found = wanted.caught.get((id(tensor.edge.node), tensor.edge.index))
            if accumulate and found is not None:
                accumulate_grad(tensor, found, create_graph)
        results.append(found)
    return results


def accumulate_grad(leaf: Tensor, gradient: Tensor, create_graph: bool) -> None:
    """Adds a gradient to `leaf.grad`; the first is kept as it is when nobody else can see it."""
    old = leaf.grad
    if old is None:
        sole = (
            not create_graph
            and gradient.form is leaf.form
            and type(gradient) is Tensor
            and sys.getrefcount(gradient) <= SOLE_REFERENCES
            and sys.getrefcount(gradient.block) <= 2
        )
        if sole:
            leaf.grad = gradient
        elif create_graph:
            leaf.grad = gradient.clone()
        else:
            fresh = gradient.detach()
            names, fresh.form = fresh.form.names, fresh.form.plain
            leaf.grad = registry["clone_as"].function(fresh, leaf.form.plain)
            if names is not None:  # a hook has given it some
                leaf.grad.names = names
    elif create_graph:
        leaf.grad = old + gradient
    else:
        old.add_(gradient)
