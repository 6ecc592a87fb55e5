"""Reductions against NumPy, `math.fsum` and torch: layouts, dtypes, long vectors, ties and nan."""

import itertools
import math
from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops import reduce_cases as cases
from tests.ops.layouts import LAYOUTS, filled
from tests.ops.twin import TOLERANCE, check


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reference", cases.REFERENCES, ids=lambda r: r.name)
def test_reductions_over_layouts_and_dtypes(reference: cases.Reference, layout: str) -> None:
    for name in reference.dtypes:
        x, array = filled(layout, name)
        for dim, keep in itertools.product((None, *range(array.ndim)), (False, True)):
            got = getattr(facula, reference.name)(x, () if dim is None else dim, keep)
            expected = reference.reference(array, dim, keep)
            assert tuple(got.shape) == expected.shape, (name, dim, keep)
            bound = TOLERANCE.get(str(got.dtype), 0.0)
            np.testing.assert_allclose(
                np.array(got.tolist()), expected, bound, bound, err_msg=f"{name} {dim} {keep}"
            )


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_reductions_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)
