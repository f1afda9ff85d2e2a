"""Compiled twins of equations, for the CPU; every one is tested equal to its equation."""

HOME = "cpu"  # the kind of device where they run in place of tensors; tests move it to see the tensors on a CPU
