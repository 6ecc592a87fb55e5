"""The rules that rot first, checked on the syntax trees of all modules (docs/philosophy.md).

Each test collects its offences as "file:line: what is wrong" and expects none. Nothing is imported:
a package that cannot even be imported still gets its layers checked.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "facula"

# --- the picture -------------------------------------------------------------------------------

GROUND, TENSOR, OPERATIONS, LIBRARY, FACADE, PROGRAM = 0, 4, 5, 6, 7, 8
# Folders that are not named belong to the library, files that are not named to the tensor layer.
LAYER_OF = {
    "config": GROUND, "errors": GROUND, "late": GROUND,
    "meta": 1, "kernel": 2, "backend": 3, "autograd": TENSOR, "dispatch": TENSOR,
    "launch": TENSOR, "bind": OPERATIONS, "ops": OPERATIONS,
    "random": LIBRARY, "testing": LIBRARY,
    # The command line is a program like a user's: it stands on the facade.
    "cli": PROGRAM, "__main__": PROGRAM,
}  # fmt: skip

# Third-party packages that a module of layers 0-5 may import inside a function.
LATE_IMPORTS: dict[str, set[str]] = {}
OWNERS = {
    "llvmlite": {"backend/llvm.py"},
    "cuda": {"backend/cuda_driver.py"},
    "nvmath": {"backend/cuda_driver.py"},
    "cudnn": {"backend/cuda_driver.py"},
}
ENVIRONMENT_OWNERS = {"config.py"}
# Files of ops/ that hold no records.
NO_RECORDS = {"__init__", "calls"}
CODE_GENERATORS = {"dispatch/source.py"}
NAME_HANGERS = {"bind/methods.py", "bind/pointwise.py"}
# torch.utils is a package of torch's, and nn/utils.py a module of torch's.
PUBLIC_UTILS = {"utils/__init__.py", "nn/utils.py", "nn/utils/__init__.py"}
FORBIDDEN_NAMES = {"utils", "helpers", "helper", "common", "misc", "base_utils", "tools"}


@dataclass(frozen=True, slots=True, repr=False)
class Module:
    """A source file of the package: its path below `facula/`, dotted name, text and tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def layer(self) -> int:
        parts = self.name.split(".")
        if len(parts) == 1:
            return FACADE
        unnamed = LIBRARY if "/" in self.path else TENSOR
        return LAYER_OF.get(parts[1], unnamed)

    def at(self, node: ast.AST, message: str) -> str:
        return f"facula/{self.path}:{getattr(node, 'lineno', 1)}: {message}"


@cache
def modules() -> dict[str, Module]:
    """All modules of the package by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(ROOT).with_suffix("")
        name = ".".join(part for part in relative.parts if part != "__init__")
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
        found[name] = Module(path.relative_to(PACKAGE).as_posix(), name, text, tree)
    return found


def imports(module: Module) -> Iterator[tuple[ast.stmt, str, bool]]:
    """(statement, dotted name, inside a function) for every import; typing-only ones left out."""

    def walk(node: ast.AST, in_function: bool) -> Iterator[tuple[ast.stmt, str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield child, alias.name, in_function
            elif isinstance(child, ast.ImportFrom):
                for alias in child.names:
                    whole = f"{child.module}.{alias.name}"
                    yield child, whole if whole in modules() else child.module or "", in_function
            else:
                function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, in_function or function)

    yield from walk(module.tree, False)


def internal(name: str) -> Module | None:
    """The module of ours that a dotted name stands for, if any."""
    while name:
        if name in modules():
            return modules()[name]
        name = name.rpartition(".")[0]
    return None


def calls(module: Module, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


# --- imports -----------------------------------------------------------------------------------


def test_the_package_was_found() -> None:
    assert "facula" in modules()
    assert {module.layer for module in modules().values()} == set(range(9))


def test_no_module_imports_a_higher_layer() -> None:
    offences = [
        module.at(node, f"layer {module.layer} imports {target.name} of layer {target.layer}")
        for module in modules().values()
        for node, name, _ in imports(module)
        if (target := internal(name)) and target.layer > module.layer
    ]
    assert offences == []


def test_no_relative_imports() -> None:
    offences = [
        module.at(node, "relative import")
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert offences == []


def test_no_import_cycles() -> None:
    """Modules form an acyclic graph; importing a package's submodule does not count its hub."""
    edges = {
        name: {
            target.name
            for _, imported, late in imports(module)
            if not late and (target := internal(imported)) and target.name != name
        }
        for name, module in modules().items()
    }
    while True:
        leaves = {name for name, targets in edges.items() if not targets & edges.keys()}
        if not leaves:
            break
        edges = {name: targets for name, targets in edges.items() if name not in leaves}
    # What is left lies on cycles or above one: drop what nothing left imports.
    while True:
        imported = set().union(*edges.values()) if edges else set()
        if edges.keys() <= imported:
            break
        edges = {name: targets for name, targets in edges.items() if name in imported}
    assert sorted(edges) == []


def test_no_import_inside_a_function_of_layers_0_to_5() -> None:
    offences = [
        module.at(node, f"imports {name} inside a function")
        for module in modules().values()
        for node, name, inside in imports(module)
        if inside
        and module.layer <= 5
        and name.partition(".")[0] not in LATE_IMPORTS.get(module.path, ())
    ]
    assert offences == []


def test_no_internal_import_inside_a_function_anywhere() -> None:
    """The facade's late loading of heavy subpackages goes through importlib, by name."""
    offences = [
        module.at(node, f"imports {name} inside a function")
        for module in modules().values()
        for node, name, inside in imports(module)
        if inside and internal(name)
    ]
    assert offences == []


def test_record_files_do_not_import_each_other() -> None:
    offences = [
        module.at(node, f"a file of records imports {target.name}")
        for module in modules().values()
        if module.path.startswith("ops/") and Path(module.path).stem not in NO_RECORDS
        for node, name, _ in imports(module)
        if (target := internal(name)) and target.layer >= 5
    ]
    assert offences == []


def test_layers_and_optimizers_do_not_touch_memory_or_machines() -> None:
    offences = [
        module.at(node, f"imports {target.name}")
        for module in modules().values()
        if module.path.startswith(("nn/", "optim/"))
        for node, name, _ in imports(module)
        if (target := internal(name)) and (target.layer == 3 or target.name == "facula.storage")
    ]
    assert offences == []


def test_layers_below_the_tensor_do_not_know_it() -> None:
    offences = [
        module.at(node, "names Tensor")
        for module in modules().values()
        if module.layer <= 3
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == "Tensor"
    ]
    assert offences == []


# --- single owners -----------------------------------------------------------------------------


def test_each_machine_library_has_one_owner() -> None:
    offences = [
        module.at(node, f"only {', '.join(OWNERS[package])} may import {package}")
        for module in modules().values()
        for node, name, _ in imports(module)
        if (package := name.partition(".")[0]) in OWNERS and module.path not in OWNERS[package]
    ]
    assert offences == []


def test_only_config_reads_the_environment() -> None:
    offences = [
        module.at(node, f"os.{node.attr} belongs to config.py")
        for module in modules().values()
        if module.path not in ENVIRONMENT_OWNERS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv", "putenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert offences == []


def test_only_code_generators_execute_text() -> None:
    offences = [
        module.at(node, f"{ast.unparse(node.func)} belongs to {', '.join(CODE_GENERATORS)}")
        for module in modules().values()
        if module.path not in CODE_GENERATORS
        for node in calls(module, "exec", "eval", "compile")
    ]
    assert offences == []


def test_only_the_binder_hangs_names_on_objects_below_the_library() -> None:
    """In the library `setattr` is how a Module gets its children; below, it hides what exists."""
    offences = [
        module.at(node, f"setattr belongs to {', '.join(NAME_HANGERS)}")
        for module in modules().values()
        if module.layer <= 5 and module.path not in NAME_HANGERS
        for node in calls(module, "setattr")
    ]
    assert offences == []


# --- records -----------------------------------------------------------------------------------

SCALAR_FAMILIES = {"pointwise", "reduction", "scan"}
BRANCHES = (
    ast.If, ast.IfExp, ast.For, ast.While, ast.BoolOp, ast.Try, ast.With, ast.Match, ast.Assert,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip
SCHEMA = re.compile(r"^(\w+)(\.\w+)?\(.*\) -> ", re.DOTALL)


def family_of(node: ast.expr) -> str:
    """`pointwise` for `pointwise(...)`; the empty string for anything that is no call by name."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def formulas(module: Module) -> Iterator[ast.AST]:
    """The value and gradient functions of a file's records whose formulas run on scalars."""
    scalar_records: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assign) and family_of(node.value) in SCALAR_FAMILIES:
            scalar_records |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        if isinstance(node, ast.FunctionDef):
            if any(family_of(decorator) in SCALAR_FAMILIES for decorator in node.decorator_list):
                scalar_records.add(node.name)
                yield node
            elif any(
                isinstance(decorator, ast.Attribute)
                and isinstance(decorator.value, ast.Name)
                and decorator.value.id in scalar_records
                for decorator in node.decorator_list
            ):
                yield node
        if family_of(node) in SCALAR_FAMILIES:
            yield from (inner for inner in ast.walk(node) if isinstance(inner, ast.Lambda))


def test_formulas_do_not_branch_or_loop() -> None:
    offences = [
        module.at(inner, f"{type(inner).__name__} inside a formula")
        for module in modules().values()
        if module.path.startswith("ops/")
        for formula in formulas(module)
        for inner in ast.walk(formula)
        if isinstance(inner, BRANCHES)
    ]
    assert offences == []


def record_names() -> set[str]:
    return {
        match[1]
        for module in modules().values()
        if module.path.startswith("ops/")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (match := SCHEMA.match(node.value))
    }


def test_no_second_list_of_op_names() -> None:
    """Layers 2 and 3 name scalar operations, the facade is generated, `__all__` is public."""
    names = record_names()
    assert names
    public = {
        id(inner)
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign | ast.AugAssign) and "__all__" in ast.unparse(node)[:20]
        for inner in ast.walk(node)
    }
    offences = []
    for module in modules().values():
        if module.layer in {2, 3, 5, FACADE}:
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Dict):
                entries = [key for key in node.keys if key is not None]
            elif isinstance(node, ast.List | ast.Tuple | ast.Set):
                entries = node.elts
            else:
                continue
            listed = [
                entry.value
                for entry in entries
                if isinstance(entry, ast.Constant) and entry.value in names
            ]
            if len(listed) >= 5 and len(listed) > len(entries) / 2 and id(node) not in public:
                offences.append(module.at(node, f"lists op names: {listed[:5]}; ask the registry"))
    assert offences == []


# --- text --------------------------------------------------------------------------------------


def test_every_module_says_what_it_owns() -> None:
    offences = [
        f"facula/{module.path}: no module docstring"
        for module in modules().values()
        if not ast.get_docstring(module.tree)
    ]
    assert offences == []


def test_no_file_is_named_for_nothing() -> None:
    offences = [
        f"facula/{module.path}: a helper lives beside its user or in the layer whose words it uses"
        for module in modules().values()
        if module.path not in PUBLIC_UTILS
        and (
            Path(module.path).stem in FORBIDDEN_NAMES
            or (Path(module.path).parent.name in FORBIDDEN_NAMES - {"utils"})
        )
    ]
    assert offences == []


def text_files() -> Iterator[tuple[Path, str]]:
    """Every text file of the project that people read."""
    folders = ("facula", "tests", "bench", "docs", "tools", ".ci")
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*"))]
    paths += [path for path in sorted(ROOT.iterdir()) if path.name != ".git"]
    for path in paths:
        known = path.suffix in {".py", ".pyi", ".md", ".toml"} or path.name in {"Makefile", "run"}
        if path.is_file() and known:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def test_no_machine_paths() -> None:
    machine = re.compile(r"(?<![\w.])/(?:work|home|root|Users)/\w")
    offences = [
        f"{path}: {line.strip()}"
        for path, text in text_files()
        for line in text.splitlines()
        if machine.search(line)
    ]
    assert offences == []


def test_a_todo_names_its_issue() -> None:
    unowned = re.compile(r"#.*\b(?:TODO|FIXME|HACK|XXX)\b(?!\(#\d+\))")
    offences = [
        f"{path}: {line.strip()}"
        for path, text in text_files()
        for line in text.splitlines()
        if path.suffix == ".py" and path.name != Path(__file__).name and unowned.search(line)
    ]
    assert offences == []


def test_cited_notes_exist() -> None:
    """`Note [name]` cites the file of docs/notes that has this title; paths are checked too."""
    notes = sorted((ROOT / "docs" / "notes").glob("*.md"))
    first_lines = [note.read_text(encoding="utf-8").splitlines()[0] for note in notes]
    titles = {line.removeprefix("# ") for line in first_lines}
    offences = []
    for path, text in text_files():
        if path.name in {"README.md", Path(__file__).name, "philosophy.md"}:
            continue
        names = re.findall(r"\bNote\s+\[([^\]]+)\]", text.replace("\n#", "\n"))
        cited = {" ".join(name.split()) for name in names}  # a citation may run over a line's end
        offences += [f"{path}: no note titled {name!r}" for name in sorted(cited - titles)]
        files = set(re.findall(r"docs/notes/(\w+\.md)", text))
        absent = sorted(files - {note.name for note in notes})
        offences += [f"{path}: no file docs/notes/{name}" for name in absent]
    assert offences == []
