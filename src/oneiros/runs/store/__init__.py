"""Rows, manifests and run folders. `oneiros.runs.store.checkpoint` is apart, since it needs torch.

What needs pandas is imported when it is asked for: worker processes and `oneiros status` do without.
"""

import lazy_loader

# The names are in __init__.pyi; a module is imported when one of its names is asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
