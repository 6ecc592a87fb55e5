"""`op`: the functions of all records as attributes, for the library (`op.conv2d`).

Asking the package for one would cost 150 ns on every call, and its files shadow some names:
`ops.softmax` is a module. An attribute of a class costs what a global name does.
"""

from facula.bind import namespace_of
from facula.ops import FUNCTIONS

op = namespace_of(FUNCTIONS)
