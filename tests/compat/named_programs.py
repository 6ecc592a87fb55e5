"""Programs about named tensors, and what PyTorch 2.2 (the last to have them all) answers.

Every line of PROGRAMS is statements separated by `;`, the last one an expression. With PyTorch 2.2
installed, `python tests/compat/named_programs.py` runs them all and writes `named_answers.json`,
which `test_named_like_torch.py` compares facula with. A program that crashes 2.2 is left out.
"""

import ast
import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

ANSWERS = Path(__file__).with_name("named_answers.json")
LONGEST_MESSAGE = 400

SETUP = (
    "x = torch.arange(6.).reshape(2, 3).rename('N', 'C'); "
    "z = torch.arange(24.).reshape(2, 3, 4).rename('N', 'C', 'D'); "
    "p = torch.arange(6.).reshape(2, 3)"
)
PROGRAMS = Path(__file__).with_name("named_programs.txt")


def programs() -> list[str]:
    lines = PROGRAMS.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def answer(torch: Any, program: str) -> Any:
    """What a program comes to: a value in words, or an error's type and message."""
    scope: dict[str, Any] = {"torch": torch, "F": torch.nn.functional}
    statements = ast.parse(f"{SETUP}; {program}").body
    last = statements.pop()
    assert isinstance(last, ast.Expr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.manual_seed(0)
            exec(compile(ast.Module(statements, []), "<program>", "exec"), scope)
            value = eval(compile(ast.Expression(last.value), "<program>", "eval"), scope)
            return described(torch, value)
        except Exception as error:
            message = str(error).partition("\n")[0][:LONGEST_MESSAGE]
            return {"error": type(error).__name__, "message": message}


def described(torch: Any, value: Any) -> Any:
    """A value as JSON: tensors by shape, names, dtype and rounded values."""
    if isinstance(value, torch.Tensor):
        return {
            "shape": list(value.shape),
            "names": list(value.names),
            "dtype": str(value.dtype),
            "values": rounded(value.tolist()),
        }
    if isinstance(value, (list, tuple)):
        return [described(torch, one) for one in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return rounded(value)
    return re.sub(r" object at 0x[0-9a-f]+", "", repr(value))


def rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) and value == value else value


def answer_apart(torch: Any, program: str) -> Any:
    """The answer, found in a process of its own: 2.2 has programs that break the heap (None)."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(there, json.dumps(answer(torch, program)).encode())
        os._exit(0)
    os.close(there)
    with os.fdopen(here, "rb") as pipe:
        said = pipe.read()
    survived = os.waitpid(child, 0)[1] == 0
    return json.loads(said) if survived else None


def main() -> None:
    import torch

    if not torch.__version__.startswith("2.2."):
        raise SystemExit(f"PyTorch 2.2 is the reference, not {torch.__version__}")
    torch.set_num_threads(1)
    table = {one: answer_apart(torch, one) for one in programs()}
    lines = [
        f" {json.dumps(one)}: {json.dumps(said)}" for one, said in table.items() if said is not None
    ]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(lines)} answers of PyTorch {torch.__version__} in {ANSWERS.name}")


if __name__ == "__main__":
    main()
