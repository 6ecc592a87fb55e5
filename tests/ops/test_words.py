"""The examples in docstrings: every public function has one, each runs, and PyTorch agrees."""

from types import ModuleType

import pytest

import facula
from facula.bind.words import examples
from facula.op import registry

# Parts of public functions that are records of their own; what needs a file.
PARTS = {"clone_as", "_clone_contiguous", "convert", "overwrite", "gelu_erf", "gelu_tanh",
         "from_file"}  # fmt: skip


def shown(package: ModuleType, example: str) -> str:
    *lines, last = [line[4:] for line in example.split("\n") if line.startswith(">>> ")]
    scope = {"torch": package}
    package.manual_seed(0)
    for line in lines:
        exec(line, scope)
    return repr(eval(last, scope))


def expected(example: str) -> str:
    return "\n".join(line for line in example.split("\n") if not line.startswith(">>> "))


@pytest.mark.parametrize("name", sorted(examples()))
@pytest.mark.filterwarnings("ignore:.*(deprecated|backward compatibility|in favor of|memory).*")
def test_examples_print_what_they_say(name: str) -> None:
    assert shown(facula, examples()[name]) == expected(examples()[name])


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_examples_print_the_same_with_pytorch(torch: ModuleType) -> None:
    differ = {
        name: (got, expected(text))
        for name, text in examples().items()
        if (got := shown(torch, text)) != expected(text)
    }
    assert differ == {}


def test_every_public_record_has_an_example() -> None:
    lacking = [
        name
        for name, op in registry.items()
        if op.namespace not in ("internal", "private")
        and not name.startswith("_")
        and not name.endswith("_elementwise")
        and name not in PARTS
        and name not in examples()
        and ">>>" not in op.doc
    ]
    assert lacking == []


def test_the_docstring_of_a_function_says_all() -> None:
    text = facula.add.__doc__ or ""
    assert "add(Tensor self, Tensor other" in text and "broadcast" in text
    assert ">>> torch.add(" in text
    assert ">>>" in (facula.Tensor.add_.__doc__ or "")
    assert ">>>" in (facula.linalg.det.__doc__ or "")
