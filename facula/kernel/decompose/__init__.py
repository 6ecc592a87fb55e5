"""Operations that machines lack, in terms of those they have.

Each function emits builder instructions for one name of the formula vocabulary, for f32 and f64 (or
integers), on scalars and vectors alike, without branches but for rare cases that a whole vector can
skip. Results of elementary functions are within 2 ulp. Note [elementary functions].
"""

from facula.kernel.decompose import circular, division, error, exponential, gamma, logarithm, power
from facula.kernel.decompose.parts import DECOMPOSITIONS

__all__ = [
    "DECOMPOSITIONS",
    "circular",
    "division",
    "error",
    "exponential",
    "gamma",
    "logarithm",
    "power",
]
