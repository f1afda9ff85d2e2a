"""Compiled twins of equations, for the CPU; every one is tested equal to its equation.

`no_type_check` keeps the shape checks of the tests out of what numba compiles: it cannot see through them.
"""

HOME = "cpu"  # the kind of device where they run in place of tensors; tests move it to see the tensors on a CPU
