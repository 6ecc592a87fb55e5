"""What the machine can do at most: fused multiply-adds in registers, and copies.

Both are kernels of facula's generator with nothing else in them, so a row's share of the peak tells
how far its kernel is from the machine, whatever PyTorch does. A row that moves memory is compared
with the copy whose size is nearest.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bench.measure import Work
from facula.backend.cpu import machine
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import STORED_BYTES, Builder, Parameter, Program, Type, Value, program
from facula.kernel.target import Target

# Part of the plans, so that the kernel cache forgets them when this file changes.
VERSION = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
KINDS = {"float32": "f32", "float64": "f64"}
# Bytes moved by a copy, source and destination together, for each thread or in all.
NEAR_BYTES = 1 << 20
SHARED_BYTES = (16 << 20, 256 << 20)
ROUNDS, SECONDS = 7, 0.02
WORK_NANOSECONDS = 1_000_000  # what a unit claims to cost: enough for threads to be used


@dataclass(frozen=True, slots=True)
class Multiplications(Plan):
    """`units` times, `turns` turns of independent multiply-adds: each sum is sum * f + f.

    Those of bf16 are products of matrix tiles: 16 x 16 sums += 16 rows of 32 @ 16 columns of 32.
    """

    kind: str
    version: str = VERSION

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("units", "turns", "numbers")))


@dataclass(frozen=True, slots=True)
class Copy(Plan):
    """`units` pieces of `piece` floats, a multiple of the step, each copied `passes` times."""

    version: str = VERSION

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("units", "piece", "passes", "source", "destination")))


COPY_STEP = 128  # floats
TILE_SUMS = 6  # of eight tiles, and two to multiply
PART = 256  # numbers: a tile


@dataclass(frozen=True, slots=True)
class Peaks:
    """Operations and bytes a second."""

    flop: dict[str, float]
    byte: dict[int, float]

    def of(self, work: Work) -> float:
        """The peak that a row is compared with: that of float32 where its kind has none."""
        if work.unit == "flop":
            return self.flop[work.kind if work.kind in self.flop else "float32"]
        near = min(self.byte, key=lambda size: abs(math.log(size / work.amount)))
        return self.byte[near]


def measure_peaks(t: ModuleType, threads: int) -> Peaks:
    """The peaks of facula (`t`) with `threads` threads."""
    before = t.get_num_threads()
    t.set_num_threads(threads)
    kinds = {**KINDS, "bfloat16": "bf16"} if machine.target.tiles else KINDS
    flop = {name: _multiplications(t, kind, threads) for name, kind in kinds.items()}
    sizes = (NEAR_BYTES * threads, *SHARED_BYTES)
    byte = {size: _copy(t, size, threads) for size in sizes}
    t.set_num_threads(before)
    return Peaks(flop, byte)


def sums_of(target: Target) -> int:
    """Independent sums: two registers stay free, and latency times ports is at most 10."""
    return 24 if target.registers >= 32 else 12


def flop_of_turn(kind: str, target: Target) -> int:
    """Multiplications and additions of one turn."""
    if kind == "bf16":
        return TILE_SUMS * 2 * 16 * 16 * 32
    return 2 * sums_of(target) * target.lanes(STORED_BYTES[kind])


def _multiplications(t: ModuleType, kind: str, threads: int) -> float:
    kernel = machine.compile_plan(Multiplications(kind))
    # What is multiplied, then a part for each worker to leave its sums in.
    numbers = t.full((PART * (threads + 1),), 0.5, dtype=t.float64 if kind == "f64" else t.float32)
    units, turns = 16 * threads, 4_000 if kind == "bf16" else 40_000
    seconds = _fastest(lambda: kernel(units, turns, numbers.data_ptr()))
    return units * turns * flop_of_turn(kind, machine.target) / seconds


def _copy(t: ModuleType, size: int, threads: int) -> float:
    """A copy that fits the second-level caches is repeated inside its kernel, others by calls."""
    kernel = machine.compile_plan(Copy())
    floats = size // 8
    source, destination = t.zeros(floats), t.zeros(floats)
    near = size == NEAR_BYTES * threads
    units = threads if near else 16 * threads
    passes = 200 if near else 1
    piece = floats // units // COPY_STEP * COPY_STEP
    addresses = source.data_ptr(), destination.data_ptr()
    return 8 * units * piece * passes / _fastest(lambda: kernel(units, piece, passes, *addresses))


def _fastest(function: Callable[[], object]) -> float:
    function()
    seconds = []
    end = time.perf_counter() + ROUNDS * SECONDS
    while len(seconds) < ROUNDS or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@lowering(Multiplications)
def lower_multiplications(plan: Multiplications, target: Target) -> Program:
    if plan.kind == "bf16":
        return _tile_multiplications(plan)
    lanes = target.lanes(STORED_BYTES[plan.kind])

    def units(b: Builder) -> tuple[Value, int]:
        return b.parameters["units"], WORK_NANOSECONDS

    def body(b: Builder) -> None:
        numbers = b.pointer(b.parameters["numbers"])
        # Loaded, so that no compiler knows what comes out.
        factor = b.splat(b.load(numbers, 0, plan.kind), lanes)
        zero = b.const(Type(plan.kind, lanes), 0)
        with b.loop(b.first, b.last):
            sums = [zero] * sums_of(target)
            with b.loop(0, b.parameters["turns"], carry=sums) as loop:
                loop.next(*(b.op("muladd", one, factor, factor) for one in loop.carried))
            total = zero
            for one in loop.results:
                total = total + one
            b.store(numbers, (b.worker + 1) * PART, total, plan.kind)

    return program("multiplications", plan.parameters, units, body)


def _tile_multiplications(plan: Multiplications) -> Program:
    def units(b: Builder) -> tuple[Value, int]:
        return b.parameters["units"], WORK_NANOSECONDS

    def body(b: Builder) -> None:
        numbers = b.pointer(b.parameters["numbers"])
        left, right = TILE_SUMS, TILE_SUMS + 1
        b.tiles()
        with b.loop(b.first, b.last):
            b.tile_load(left, numbers, 64)
            b.tile_load(right, numbers, 64)
            for sums in range(TILE_SUMS):
                b.tile_zero(sums)
            with b.loop(0, b.parameters["turns"]):
                for sums in range(TILE_SUMS):
                    b.tile_multiply(sums, left, right)
            for sums in range(TILE_SUMS):
                b.tile_store(sums, b.offset(numbers, (b.worker + 1) * PART, "f32"), 64)

    return program("tile multiplications", plan.parameters, units, body)


@lowering(Copy)
def lower_copy(plan: Copy, target: Target) -> Program:
    lanes = target.lanes(4)

    def units(b: Builder) -> tuple[Value, int]:
        return b.parameters["units"], WORK_NANOSECONDS

    def body(b: Builder) -> None:
        piece = b.parameters["piece"]
        with b.loop(b.first, b.last) as unit, b.loop(0, b.parameters["passes"]):
            source = b.offset(b.parameters["source"], unit.index * piece, "f32")
            destination = b.offset(b.parameters["destination"], unit.index * piece, "f32")
            with b.loop(0, piece, COPY_STEP) as loop:
                places = [loop.index + lane for lane in range(0, COPY_STEP, lanes)]
                values = [b.load(source, place, "f32", lanes) for place in places]
                for place, value in zip(places, values):
                    b.store(destination, place, value, "f32")

    return program("copy", plan.parameters, units, body)
