"""Whatever a room defines is among its names: one line in its `__init__.pyi`, from which lists and pages are made."""

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import oneiros
import oneiros.memory
import oneiros.phases
import oneiros.sleeper

# A room, what its objects have that nothing else in it has, and how many there are at least: a scan that finds none
# would find nothing missing.
ROOMS = {"phases": ("changes", 40), "memory": ("holds_raw", 15), "sleeper": ("needs", 14)}
FOREIGN = ("oneiros.sleeper.avalanche", "oneiros.sleeper.sklearn")  # modules of their own, for others' programs


def defined(room: ModuleType, mark: str) -> dict[str, str]:
    """Classes of a room that have the attribute, and the modules they are in."""
    found = {}
    for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        if module.name in FOREIGN:
            continue
        for name, thing in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if thing.__module__ == module.name and hasattr(thing, mark) and not getattr(thing, "_is_protocol", False):
                found[name] = module.name
    return {name: module for name, module in found.items() if not name.startswith("_")}


@pytest.mark.parametrize("room", ROOMS)
def test_everything_of_a_room_is_among_its_names(room):
    mark, least = ROOMS[room]
    package = importlib.import_module(f"oneiros.{room}")
    there = defined(package, mark)
    assert len(there) >= least
    lines = [
        f"from {module.removeprefix(package.__name__)} import {name} as {name}"
        for name, module in sorted(there.items())
        if name not in package.__all__
    ]
    assert not lines, "\n".join([f"add to src/oneiros/{room}/__init__.pyi:", *lines])


@pytest.mark.parametrize("room", ROOMS)
def test_its_names_are_the_packages_names(room):
    assert set(importlib.import_module(f"oneiros.{room}").__all__) <= set(oneiros.__all__)
