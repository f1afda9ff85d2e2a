"""Compiled twins of equations, for the CPU; every one is tested equal to its equation.

`no_type_check` keeps the shape checks of the tests out of what numba compiles: it cannot see through them.
"""

from importlib.util import find_spec

# The kind of device where they run in place of tensors; tests move it to see the tensors on a CPU.
HOME = "cpu" if find_spec("numba") else "nowhere"

if find_spec("numba"):
    from numba import njit as njit
else:

    def njit(*given, **options):  # pyright: ignore[reportRedeclaration]
        """Nothing is compiled where numba is not installed, and nothing asks for it: its home is nowhere."""
        return given[0] if given else lambda function: function
