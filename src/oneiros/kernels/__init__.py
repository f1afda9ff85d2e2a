"""Compiled twins of equations, for the CPU; every one is tested equal to its equation."""
