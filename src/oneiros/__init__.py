"""Networks that learn by day and consolidate by night. Read `core.py` first, then `life.py`.

Everything that a program of one's own needs is here by name: `from oneiros import live, Sleeper, Nrem`. The names are
in `__init__.pyi` of the rooms; a module is imported when one of its names is asked for.
"""

import importlib

__version__: str  # as the package's metadata has it

_HERE = {
    "oneiros.core": ("Batch", "Brain", "Seeds", "Task", "concatenate"),
    "oneiros.life": ("Cursor", "Event", "Night", "Schedule", "live", "live_stacked", "run_through"),
    "oneiros.data": ("load",),
}
_WHOLE = ("oneiros.phases", "oneiros.memory", "oneiros.sleeper")
_PLACES = {name: module for module, names in _HERE.items() for name in names}
_PLACES |= {name: module for module in _WHOLE for name in importlib.import_module(module).__all__}
__all__ = sorted(_PLACES)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("oneiros")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
