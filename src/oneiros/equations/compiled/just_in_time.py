"""numba's decorator, or nothing where numba is not installed: compiled twins then have no home to be called at."""

from importlib.util import find_spec

if find_spec("numba"):
    from numba import njit as njit
else:

    def njit(*given, **options):  # pyright: ignore[reportRedeclaration]
        """Nothing is compiled."""
        return given[0] if given else lambda function: function
