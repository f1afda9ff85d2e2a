"""Compiled twins of equations, for the CPU; every one is tested equal to its equation.

`no_type_check` keeps the shape checks of the tests out of what numba compiles: it cannot see through them. A module is
imported when it is asked for, since numba takes most of a second to import, and on a GPU nobody asks.
"""

from importlib.util import find_spec

import lazy_loader

__getattr__, __dir__, _ = lazy_loader.attach(__name__, ["equilibrium", "patches", "sparse_input", "spiking"])

# The kind of device where they run in place of tensors; tests move it to see the tensors on a CPU.
HOME = "cpu" if find_spec("numba") else "nowhere"
