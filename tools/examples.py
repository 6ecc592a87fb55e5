"""Runs the examples of `facula/ops/data/examples.txt` again and writes what they print now.

Run `python tools/examples.py` after changing lines there; `git diff` shows what has changed.
"""

import facula
from facula.bind.words import FILE, examples


def printed(example: str) -> str:
    """The lines of an example and what the last of them prints."""
    lines = [line for line in example.split("\n") if line.startswith(">>> ")]
    scope = {"torch": facula}
    facula.manual_seed(0)
    for line in lines[:-1]:
        exec(line.removeprefix(">>> "), scope)
    shown = repr(eval(lines[-1].removeprefix(">>> "), scope))
    return "\n".join([*lines, shown])


if __name__ == "__main__":
    paragraphs = [f"[{name}]\n{printed(text)}\n" for name, text in sorted(examples().items())]
    FILE.write_text("\n".join(paragraphs), encoding="utf-8")
    print(f"{FILE.name}: {len(paragraphs)} examples")
