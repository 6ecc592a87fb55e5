"""Machines that run plans: the plain-Python interpreter (the definition) and the CPU through LLVM.

A backend receives plans and sizes and gives back kernels; it knows no op names and no tensors.
"""
