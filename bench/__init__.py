"""Measurements: facula's time over PyTorch's, both in one process run, pair by pair.

`measure.py` owns the clock, each other file one group of cases, `__main__.py` the command line and
the table. A case is written once, against PyTorch's API, and built for both packages. Tests never
import this package.
"""
