"""The same machinery for other people's programs: a `Sleeper` in a plain PyTorch loop, and in their training loops.

`sklearn`, `lightning`, `transformers` and `avalanche` are modules of their own, so that nobody pays for a program that
is not used.
"""

import lazy_loader

# The names are in __init__.pyi; a module is imported when one of its names is asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
