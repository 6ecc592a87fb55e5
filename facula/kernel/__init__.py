"""What to compute, as data: scalar expressions, plans, and their lowering to programs.

Nothing here knows memory, devices or op names. Start with `expr.py`, then `plan.py`, `lower.py` and
`program.py`, in the order in which a formula travels.
"""
