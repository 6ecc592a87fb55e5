"""A program: runs every case on operands that end where memory that must not be touched begins."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fenced import BeforeForbidden, run
from plan_cases import FAMILIES

from facula.backend.cpu import machine

if __name__ == "__main__":
    for family in FAMILIES:
        for text, plan, values, _ in family():
            print(text, flush=True)
            run(plan, machine.compile_plan(plan), values, BeforeForbidden)
