"""The text of a case, written against PyTorch's API, as the function that is timed.

In every text `t` is the package and `F` its `nn.functional`. The setup's names are the function's
closure, so what is timed is the expression and one call.
"""

from textwrap import indent

from bench.measure import Build


def forward(setup: str, text: str) -> Build:
    """Runs the statements of `setup` once, and times the expression `text`."""
    return _build(setup, f"return {text}")


def backward(setup: str, leaves: str, text: str) -> Build:
    """The same with gradients: `text` is computed, then differentiated to `leaves` (names).

    What arrives at the result is prepared once; the leaves' gradients are dropped before each run,
    as an optimizer's zero_grad does.
    """
    names = leaves.split()
    lines = [setup, *(f"{name}.requires_grad_()" for name in names)]
    lines.append(f"incoming = t.rand_like(({text}).detach())")
    drop = "".join(f"{name}.grad = " for name in names)
    return _build("\n".join(lines), f"{drop}None\n({text}).backward(incoming)")


def setup_of(text: str, available: dict[str, str], **sizes: int) -> str:
    """Assignments of those `available` names that `text` mentions, with the sizes filled in.

    An available value may use names listed before it.

    >>> setup_of("x + row", {"x": "t.rand({n}, {n})", "y": "t.rand({n})", "row": "x[0]"}, n=4)
    'x = t.rand(4, 4)\\nrow = x[0]'
    """
    wanted = set(compile(text, "case", "eval").co_names)
    for name, value in reversed(available.items()):
        if name in wanted:
            wanted |= set(compile(value.format(**sizes), "case", "eval").co_names)
    lines = [
        f"{name} = {value.format(**sizes)}" for name, value in available.items() if name in wanted
    ]
    return "\n".join(lines)


def _build(setup: str, body: str) -> Build:
    source = (
        "def build(t):\n"
        "    F = t.nn.functional\n"
        "    t.manual_seed(0)\n"
        f"{indent(setup, '    ')}\n"
        "    def run():\n"
        f"{indent(body, '        ')}\n"
        "    return run\n"
    )
    names: dict[str, Build] = {}
    exec(compile(source, "case", "exec"), names)
    return names["build"]
