"""Named tensors against what PyTorch 2.2 answered: the programs of `named_programs.txt`.

2.2 was the last PyTorch with all of them, so its answers are a table: no PyTorch runs here.
"""

import json
import math
from typing import Any

import pytest

import facula
from tests.compat.named_programs import ANSWERS, answer

TABLE: dict[str, Any] = json.loads(ANSWERS.read_text())

# Where facula knows an answer and 2.2 only an error: a name says which dimension is meant.
ANSWERED = {
    "x.transpose('N',1)",
    "x.argsort('C')",
    "x.swapaxes('N','C')",
    "x=torch.zeros(2,5,3,names=('N','T','C')); torch.nn.functional.linear(x,torch.zeros(4,3,"
    "names=('O','I')),torch.zeros(4,names=('O',)))",
    "F.glu(z, 2)",
    "torch.zeros(2,3,names=('N',None)).squeeze(None)",
}
# Where both refuse, facula in other words or with another type.
REFUSED_OTHERWISE = {
    # No tensor here has names: as in later versions a word is no dimension.
    "torch.zeros(2,3).sum('Z')",
    "x=torch.zeros(2,6); x.unflatten('C',(('a',2),('b',3)))",
    "x.all('C')",
    "x.any('C')",
    "x.amax('C')",
    "x.argmax('C')",
    "x.flip('C')",
    "x.norm('C')",
    "x.norm(2,'C')",
    "x=torch.zeros(1,3,names=('N','C')); x.squeeze(('N',))",
    "(x+torch.zeros(4,5,names=('N','C')))",
    "x.to(torch.int64) << 1",
    "z.select('C', 7)",
    "F.interpolate(z, 5)",
    "F.cosine_similarity(x, x)",
    "x.new_tensor([1.])",
    "torch.exp(x, out=torch.zeros(0, names=('A',)))",
    "w = torch.ones(2, 3, names=('N', 'C'), requires_grad=True); y = w.sigmoid(); y.mul_(2); "
    "y.sum().backward()",
}
# A function of three places where 2.2 has one of four: the method takes them.
MISSING = {"x=z; torch.flatten(x,'N','C','F')"}


def agrees(ours: Any, theirs: Any) -> bool:
    """Equal, numbers nearly."""
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and all(agrees(ours.get(k), v) for k, v in theirs.items())
    if isinstance(theirs, list):
        return (
            isinstance(ours, list)
            and len(ours) == len(theirs)
            and all(agrees(a, b) for a, b in zip(ours, theirs, strict=True))
        )
    if isinstance(theirs, float) and isinstance(ours, float):
        both_nan = math.isnan(ours) and math.isnan(theirs)
        return both_nan or math.isclose(ours, theirs, rel_tol=1e-4, abs_tol=2e-4)
    return bool(ours == theirs)


@pytest.mark.parametrize("program", [*TABLE])
def test_program_answers_as_torch_2_2(program: str) -> None:
    theirs = TABLE[program]
    ours = json.loads(json.dumps(answer(facula, program)))
    if program in MISSING:
        assert "error" not in theirs and ours["error"] == "TypeError"
        return
    if program in ANSWERED:
        assert "error" in theirs and "error" not in ours
        return
    if program in REFUSED_OTHERWISE:
        assert "error" in theirs and "error" in ours
        return
    if isinstance(theirs, dict) and theirs.get("error") == "TypeError":
        theirs = {"error": "TypeError"}  # the words of torch's argument parser are not about names
    assert agrees(ours, theirs), f"ours {ours}, theirs {theirs}"


def test_every_departure_is_a_program() -> None:
    assert {*TABLE} >= ANSWERED | REFUSED_OTHERWISE | MISSING
