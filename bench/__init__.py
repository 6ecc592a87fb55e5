"""Measurements: facula's time over PyTorch's, both in one process run, pair by pair.

`measure.py` owns the clock, `cores.py` the placing of threads; `program.py` turns the text of a
case into the function that is timed, `peaks.py` measures what the machine can do, `report.py`
prints. Each other file is one group of cases, written as tables (`networks.py`: the layers of
networks); `__main__.py` is the command line. A case is written once, against PyTorch's API, and
built for both packages. Tests never import this package.
"""
