"""Functions from text: hot paths are written out for their operands, not interpreted each call."""

import linecache
from collections.abc import Callable
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
