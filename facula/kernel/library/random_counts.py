"""Random counts by rejection: Poisson and binomial numbers, drawn as PyTorch's CPU generator does.

How many words a number takes is not known before it is drawn, so words are drawn one number at a
time. Poisson: products of uniforms below a rate of 10, Hoermann's transformed rejection (1993) from
there on. Binomial: sums of geometric gaps below an expected 10, Hoermann's BTRS (1993) from there
on. Note [random streams].
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from facula.kernel.decompose import DECOMPOSITIONS
from facula.kernel.library.random import (
    NEGATIVE,
    RandomPlan,
    State,
    _parameters,
    _serial,
    to_register,
)
from facula.kernel.plan import lowering
from facula.kernel.program import Builder, Parameter, Program, Value
from facula.kernel.target import Target

# More rejections in a row than this do not happen: the end of a loop for numbers that are none.
PATIENCE = 1 << 20
# Errors of Stirling's formula for log k! at k = 0 to 9.
STIRLING_TAILS = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509,
    0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
    0.00925546218271273, 0.00833056343336287,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Poisson(RandomPlan):
    """`n` Poisson numbers, each of a rate of its own. Reports NEGATIVE for a rate that is none."""

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n rates")
    cost: ClassVar[int] = 640


@dataclass(frozen=True, slots=True)
class Binomial(RandomPlan):
    """`n` numbers of successes, each of a number of trials and a chance of its own.

    PyTorch computes some terms in the dtype of the elements and some in f64; so is it here.
    """

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n trials chances")
    cost: ClassVar[int] = 640


def _log(b: Builder, x: Value) -> Value:
    return DECOMPOSITIONS["log"](b, x)


def _until(b: Builder, carry: Value, turn: Callable[[Value], tuple[Value, Value]]) -> Value:
    """Turns of `turn(value) -> (next value, again)` until it is not `again`; the last value."""
    with b.loop(0, PATIENCE, carry=(carry,)) as loop:
        value, again = turn(loop.carried[0])
        loop.next(value, going=again)
    return loop.results[0]


@lowering(Poisson)
def lower_poisson(plan: Poisson, target: Target) -> Program:
    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y, rates = b.pointer(b.parameters["y"]), b.pointer(b.parameters["rates"])

        def uniform() -> Value:
            state.draw(b.int(2))
            return state.unit_double(b.int(0), 1)

        def put(i: Value, value: Value) -> None:
            b.store(y, i, to_register(b, value, plan.kind), plan.kind)

        with b.loop(0, b.parameters["n"]) as loop:
            i = loop.index
            rate = b.cast(b.load(rates, i, plan.kind), "f64")
            zero = b.like(rate, 0.0)
            put(i, zero)
            proper = (rate >= 0.0) & (rate < float("inf"))
            with b.when(~proper):
                b.report(NEGATIVE)
            with b.when((rate > 0.0) & (rate < 10.0)):
                limit = DECOMPOSITIONS["exp"](b, -rate)
                with b.loop(0, PATIENCE, carry=(b.like(rate, 1.0), zero)) as draws:
                    product, count = draws.carried
                    product = product * uniform()
                    more = product > limit
                    draws.next(product, b.select(more, count + 1.0, count), going=more)
                put(i, draws.results[1])
            with b.when((rate >= 10.0) & proper):
                root = b.op("sqrt", rate)
                scale = root * 2.53 + 0.931
                slope = scale * 0.02483 + -0.059
                inverse = 1.1328 / (scale - 3.4) + 1.1239
                tight = 0.9277 - 3.6224 / (scale - 2.0)
                log_rate = _log(b, rate)

                def turn(_: Value) -> tuple[Value, Value]:
                    u = uniform() - 0.5
                    v = uniform()
                    us = 0.5 - b.op("abs", u)
                    k = b.op("floor", (slope * 2.0 / us + scale) * u + rate + 0.43)
                    quick = (us >= 0.07) & (v <= tight)
                    wrong = (k < 0.0) | ((us < 0.013) & (v > us))
                    reach = _log(b, v) + _log(b, inverse) - _log(b, slope / (us * us) + scale)
                    bound = k * log_rate - rate - DECOMPOSITIONS["lgamma"](b, k + 1.0)
                    return k, ~(quick | (~wrong & (reach <= bound)))

                put(i, _until(b, zero, turn))

    return _serial(plan, body)


@lowering(Binomial)
def lower_binomial(plan: Binomial, target: Target) -> Program:
    kind = plan.kind

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y = b.pointer(b.parameters["y"])
        trials, chances = b.pointer(b.parameters["trials"]), b.pointer(b.parameters["chances"])

        def uniform() -> Value:
            state.draw(b.int(2))
            return state.unit_double(b.int(0), 1)

        def wide(x: Value) -> Value:
            return b.cast(x, "f64")

        def tail(k: Value) -> Value:
            """The error of Stirling's formula for log k!."""
            square = (k + 1.0) * (k + 1.0)
            far = (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1.0)
            for place, value in reversed(list(enumerate(STIRLING_TAILS))):
                far = b.select(k <= float(place), value, far)
            return far

        def gaps(count: Value, p: Value) -> Value:
            """Successes counted by the geometric gaps between them."""
            logarithm = wide(b.cast(DECOMPOSITIONS["log1p"](b, -wide(p)), kind))
            zero = b.like(logarithm, 0.0)
            with b.loop(0, PATIENCE, carry=(zero, zero)) as draws:
                total, found = draws.carried
                total = total + b.op("ceil", _log(b, uniform()) / logarithm)
                inside = total <= wide(count)
                draws.next(total, b.select(inside, found + 1.0, found), going=inside)
            return draws.results[1]

        def rejection(count: Value, p: Value) -> Value:
            """Hoermann's BTRS."""
            root = wide(b.op("sqrt", count * p * (1.0 - p)))
            scale = root * 2.53 + 1.15
            slope = scale * 0.0248 + -0.0873 + wide(p) * 0.01
            centre = wide(count * p) + 0.5
            tight = 0.92 - 4.2 / scale
            odds = wide(p / (1.0 - p))
            alpha = (5.1 / scale + 2.83) * root
            mode = wide(b.op("floor", (count + 1.0) * p))
            n, next_n = wide(count), wide(count + 1.0)

            def turn(_: Value) -> tuple[Value, Value]:
                u = uniform() - 0.5
                v = uniform()
                us = 0.5 - b.op("abs", u)
                k = wide(b.cast(b.op("floor", (slope * 2.0 / us + scale) * u + centre), kind))
                quick = (us >= 0.07) & (v <= tight)
                wrong = (k < 0.0) | (k > n)
                v = _log(b, v * alpha / (slope / (us * us) + scale))
                above = n - mode + 1.0
                bound = (
                    (mode + 0.5) * _log(b, (mode + 1.0) / (odds * above))
                    + next_n * _log(b, above / (n - k + 1.0))
                    + (k + 0.5) * _log(b, odds * (n - k + 1.0) / (k + 1.0))
                    + tail(mode) + tail(n - mode) - tail(k) - tail(n - k)
                )  # fmt: skip
                return k, ~(quick | (~wrong & (v <= bound)))

            return _until(b, b.like(root, 0.0), turn)

        with b.loop(0, b.parameters["n"]) as loop:
            i = loop.index
            count, p = b.load(trials, i, kind), b.load(chances, i, kind)

            def put(value: Value) -> None:
                b.store(y, i, b.cast(value, kind), kind)

            def draw(p: Value, wanted: Value, turned: bool) -> None:
                """Successes of chance p, at most a half; of the trials that are left if turned."""
                many = count * p >= 10.0
                for condition, way in ((many, rejection), (~many, gaps)):
                    with b.when(wanted & condition):
                        found = b.cast(way(count, p), kind)
                        put(count - found if turned else found)

            none, sure = (count <= 0.0) | (p <= 0.0), p >= 1.0
            with b.when(none):
                put(b.like(p, 0.0))
            with b.when(~none & sure):
                put(count)
            known = none | sure
            # What is neither: a chance that is no number.
            with b.when(~known & ~(p <= 0.5) & ~(p > 0.5)):
                put(b.like(p, float("nan")))
            draw(p, ~known & (p <= 0.5), False)
            draw(1.0 - p, ~known & (p > 0.5), True)

    return _serial(plan, body)
