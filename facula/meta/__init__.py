"""Arithmetic on descriptions of tensors: dtypes, shapes, strides, devices, schema strings.

Everything here works on integers, tuples and names; no tensor, memory or driver is known.
Start with `dtype.py`, then `shape.py` and `geometry.py`.
"""
