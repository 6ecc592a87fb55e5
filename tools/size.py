"""Prints how large facula is: lines a layer, the largest files and functions, ops, switches.

Run it as `python tools/size.py`. The numbers are a question, never a failure: a file beyond 600
lines or a function beyond 60 asks whether it is one idea. The table goes into every release note.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "facula"

# Folders that are not named belong to the library, files that are not named to the tensor layer.
LAYERS = {
    "ground": ("config.py", "errors.py"),
    "arithmetic": ("meta",),
    "kernels": ("kernel",),
    "machines": ("backend",),
    "tensor": ("autograd", "dispatch"),
    "operations": ("ops",),
    "library": ("random.py", "testing.py"),
    "facade": ("__init__.py",),
    "program": ("cli", "__main__.py"),
}
SCHEMA = re.compile(r"^(\w+)(\.\w+)?\(.*\) -> ", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path below the package, lines, and syntax tree."""

    path: str
    lines: list[str]
    tree: ast.Module

    @property
    def layer(self) -> str:
        first = self.path.partition("/")[0]
        unnamed = "library" if "/" in self.path else "tensor"
        return next((name for name, parts in LAYERS.items() if first in parts), unnamed)

    @property
    def code_lines(self) -> int:
        """Lines that are neither blank nor only a comment nor part of a docstring."""
        documented = {
            line
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        return sum(
            bool(line.strip()) and not line.strip().startswith("#") and number not in documented
            for number, line in enumerate(self.lines, 1)
        )

    def functions(self) -> Iterator[tuple[int, str]]:
        """(length, place) of every function."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                yield length, f"{self.path}:{node.lineno} {node.name}"


def sources() -> list[Source]:
    """Every Python file of the package."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(PACKAGE).as_posix()
        found.append(Source(name, text.splitlines(), ast.parse(text)))
    return found


def table(title: str, rows: list[tuple[object, ...]]) -> None:
    print(f"\n| {title} |\n|{'---|' * (title.count('|') + 1)}")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def main() -> None:
    files = sources()
    layers = []
    for layer in LAYERS:
        members = [file for file in files if file.layer == layer]
        lines = sum(len(file.lines) for file in members)
        layers.append((layer, len(members), lines, sum(file.code_lines for file in members)))
    totals = [sum(row[column] for row in layers) for column in (1, 2, 3)]
    table("layer | files | lines | code", [*layers, ("all", *totals)])

    by_size = sorted(files, key=lambda file: -len(file.lines))
    table("largest files | lines", [(file.path, len(file.lines)) for file in by_size[:10]])
    functions = sorted((entry for file in files for entry in file.functions()), reverse=True)
    table("longest functions | lines", [(place, length) for length, place in functions[:10]])
    lengths = sorted(length for length, _ in functions)
    rows = [
        ("ops (schemas)", len(schemas(files))),
        ("scalar operations", len(scalar_operations(files))),
        ("environment switches", len(switches(files))),
        ("imports inside functions", sum(late_imports(file) for file in files)),
        ("functions", len(lengths)),
        ("function length, median", lengths[len(lengths) // 2]),
        ("function length, 90 of 100", lengths[len(lengths) * 9 // 10]),
        ("lines of tests", lines_below(ROOT / "tests")),
    ]
    table("count | number", rows)


def strings(file: Source) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def schemas(files: list[Source]) -> set[str]:
    """Every schema string of a record."""
    return {
        text
        for file in files
        if file.layer == "operations"
        for text in strings(file)
        if SCHEMA.match(text)
    }


def scalar_operations(files: list[Source]) -> set[str]:
    """The vocabulary of formulas: functions registered with `@plain` in kernel/scalar.py."""
    return {
        node.name
        for file in files
        if file.path == "kernel/scalar.py"
        for node in ast.walk(file.tree)
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Name) and d.id == "plain" for d in node.decorator_list)
    }


def switches(files: list[Source]) -> set[str]:
    """Environment variables that config.py reads."""
    return {
        text
        for file in files
        if file.path == "config.py"
        for text in strings(file)
        if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", text)
    }


def late_imports(file: Source) -> int:
    return sum(
        isinstance(inner, ast.Import | ast.ImportFrom)
        for node in ast.walk(file.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    )


def lines_below(folder: Path) -> int:
    return sum(len(path.read_text("utf-8").splitlines()) for path in folder.rglob("*.py"))


if __name__ == "__main__":
    main()
