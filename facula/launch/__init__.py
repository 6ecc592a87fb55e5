"""Hand-shaped plans on tensors: each file prepares and launches the plans of one library file.

They allocate results and scratch, keep prepared kernels by form, and record nothing: the records of
`ops/` stand above them.
"""
