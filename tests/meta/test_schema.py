"""Schema strings: what is read from them, what is written, and all of PyTorch's own."""

import pickle
from pathlib import Path
from types import ModuleType

import pytest

from facula.meta.dtype import int64
from facula.meta.schema import REQUIRED, parse, signature


def test_names_arguments_and_defaults() -> None:
    schema = parse("add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor")
    assert (schema.name, schema.overload) == ("add", "Tensor")
    assert [(a.name, a.type, a.default, a.keyword_only) for a in schema.arguments] == [
        ("self", "Tensor", REQUIRED, False),
        ("other", "Tensor", REQUIRED, False),
        ("alpha", "Scalar", 1, True),
    ]
    assert [r.type for r in schema.returns] == ["Tensor"]
    assert str(schema) == "add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"


@pytest.mark.parametrize(
    ("declared", "type_", "default"),
    [
        ("bool keepdim=False", "bool", False),
        ("Tensor? weight=None", "Tensor?", None),
        ("int[2] stride=1", "int[]", (1, 1)),
        ("SymInt[] padding=[0,1]", "int[]", (0, 1)),
        ("int[1]? dim=None", "int[]?", None),
        ("int[] dims=[]", "int[]", ()),
        ("int dim=-1", "int", -1),
        ("float eps=1e-05", "float", 1e-05),
        ("ScalarType dtype=long", "ScalarType", int64),
        ("int reduction=Mean", "int", 1),
        ('str padding="valid, or (not"', "str", "valid, or (not"),
        ("str mode='linear'", "str", "linear"),
        ("MemoryFormat memory_format=contiguous_format", "MemoryFormat", "contiguous_format"),
        ("Tensor?[] indices", "Tensor?[]", REQUIRED),
    ],
)
def test_types_and_defaults(declared: str, type_: str, default: object) -> None:
    (argument,) = parse(f"f({declared}) -> Tensor").arguments
    assert (argument.type, argument.default) == (type_, default)


def test_argument_questions() -> None:
    schema = parse("f(Tensor(a!) self, Tensor?[] indices, int[2]? stride=None) -> Tensor(a!)")
    first, second, third = schema.arguments
    assert (first.alias, first.is_written, first.is_required) == ("a!", True, True)
    assert (second.base, second.is_list, second.is_optional) == ("Tensor", True, False)
    assert (third.length, third.is_list, third.is_optional) == (2, True, True)
    assert schema.is_inplace
    assert not schema.is_view
    assert parse("t(Tensor(a) self) -> Tensor(a)").is_view
    assert schema.argument("stride") is third
    with pytest.raises(KeyError, match="f has no argument 'dim'"):
        schema.argument("dim")


@pytest.mark.parametrize(
    ("text", "flagged"),
    [
        ("permute(Tensor(a) self, int[] dims) -> Tensor(a)", ["dims"]),
        ("zeros(SymInt[] size, *, ScalarType? dtype=None) -> Tensor", ["size"]),
        ("sum(Tensor self, int[1]? dim, bool keepdim=False) -> Tensor", []),
        ("unsqueeze(Tensor(a) self, int dim) -> Tensor(a)", []),
    ],
)
def test_int_lists_that_may_be_written_without_brackets(text: str, flagged: list[str]) -> None:
    assert [one.name for one in parse(text).arguments if one.varargs] == flagged


def test_returns() -> None:
    both = parse("max.dim(Tensor self, int dim) -> (Tensor values, Tensor indices)").returns
    assert [(one.type, one.name) for one in both] == [("Tensor", "values"), ("Tensor", "indices")]
    assert parse("split(Tensor(a -> *) self, int n) -> Tensor(a)[]").returns[0].type == "Tensor[]"
    assert parse("_check(Tensor self) -> ()").returns == ()


@pytest.mark.parametrize(
    ("text", "plain", "typed"),
    [
        (
            "add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
            "add(self, other, *, alpha=1)",
            "add(self: Tensor, other: Tensor, *, alpha: float = 1) -> Tensor",
        ),
        (
            "conv1d(Tensor input, Tensor? bias=None, int[1] stride=1) -> Tensor",
            "conv1d(input, bias=None, stride=(1,))",
            "conv1d(input: Tensor, bias: Tensor | None = None, "
            "stride: int | Sequence[int] = (1,)) -> Tensor",
        ),
        (
            "max(Tensor self, str mode='a') -> (Tensor values, Tensor[] parts)",
            "max(self, mode='a')",
            "max(self: Tensor, mode: str = 'a') -> tuple[Tensor, list[Tensor]]",
        ),
        (
            "f(int[]? size=None) -> ()",
            "f(size=None)",
            "f(size: Sequence[int] | None = None) -> None",
        ),
    ],
)
def test_signature(text: str, plain: str, typed: str) -> None:
    assert signature(parse(text)) == plain
    assert signature(parse(text), typed=True) == typed


def test_signature_names_self_as_asked() -> None:
    assert signature(parse("exp(Tensor self) -> Tensor"), self_name="input") == "exp(input)"


@pytest.mark.parametrize(
    "text",
    [
        "exp(Tensor self)",
        "exp(Tensor) -> Tensor",
        "exp(Tensor self=) -> Tensor",
        "exp(Tensor self, Tensor self) -> Tensor",
        "exp(Tens-or self) -> Tensor",
        "exp(int[ self) -> Tensor",
        "exp(str s='a) -> Tensor",
    ],
)
def test_bad_schemas(text: str) -> None:
    with pytest.raises(ValueError, match="exp"):
        parse(text)


def test_required_stays_itself_in_copies() -> None:
    assert pickle.loads(pickle.dumps(REQUIRED)) is REQUIRED


# --- against PyTorch -----------------------------------------------------------------------------


def test_every_published_schema_is_read(torch: ModuleType) -> None:
    torchgen = pytest.importorskip("torchgen")
    folder = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native"
    lines = (folder / "native_functions.yaml").read_text().splitlines()
    texts = [line.removeprefix("- func: ") for line in lines if line.startswith("- func: ")]
    assert len(texts) > 2000
    for text in texts:
        schema = parse(text)
        assert text.startswith(schema.name)


def test_arguments_are_those_torch_reads(torch: ModuleType) -> None:
    for name in ("add", "sum", "mean", "conv2d", "permute", "topk", "nll_loss", "index_put_", "to"):
        packet = getattr(torch.ops.aten, name)
        for overload in packet.overloads():
            theirs = getattr(packet, overload)._schema
            ours = parse(str(theirs))
            assert [a.name for a in ours.arguments] == [a.name for a in theirs.arguments]
            assert [a.keyword_only for a in ours.arguments] == [
                a.kwarg_only for a in theirs.arguments
            ]
            assert [not a.is_required for a in ours.arguments] == [
                a.has_default_value() for a in theirs.arguments
            ]
            assert len(ours.returns) == len(theirs.returns)
