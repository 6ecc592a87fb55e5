"""Every operation: importing this package loads the records and binds them.

Each record's function is an attribute of the package (`facula.ops.conv2d`). The files hold records
only and never import each other.
"""

from typing import Any

from facula.ops import (
    activation,
    binary,
    compare,
    contract,
    conv,
    conv_more,
    create,
    index,
    interpolate,
    loss,
    loss_terms,
    move,
    norm,
    order,
    pool,
    random,
    reduce,
    softmax,
    unary,
    view,
)
from facula.ops.bind import bind_all

RECORD_FILES = (
    activation,
    binary,
    compare,
    contract,
    conv,
    conv_more,
    create,
    index,
    interpolate,
    loss,
    loss_terms,
    move,
    norm,
    order,
    pool,
    random,
    reduce,
    softmax,
    unary,
    view,
)
FUNCTIONS = bind_all()


def __getattr__(name: str) -> Any:
    try:
        return FUNCTIONS[name]
    except KeyError:
        raise AttributeError(f"module 'facula.ops' has no operation {name!r}") from None
