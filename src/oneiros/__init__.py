"""Networks that learn by day and consolidate by night. Read `core.py` first, then `life.py`."""

from importlib.metadata import version

__version__ = version("oneiros")
