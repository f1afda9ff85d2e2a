"""Data sets: find or download, check, decode; the only room that knows file formats and torchvision."""

import lazy_loader

# The names are in __init__.pyi; a module is imported when one of its names is asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
