"""A disk that forgets: what may be on it after a power cut at any moment of a piece of work.

Between two calls to the system, nothing can be lost that was not written since. So at every call that changes names or
asks for a sync, and at the end, the states that a power cut may leave are made anew in folders of their own:

- bytes that were written and not yet synced: all there, all lost, or torn half way (a file that grew holds zeros);
- names that were made, moved or removed and whose folder was not yet synced: any of them, where they are five or
  fewer; else all, none, the first so many, or all but any one.

Writes are seen by comparing the files before and after, so that no way of writing escapes.
"""

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Change = Callable[[dict[str, int | None]], None]
KINDS = ("written", "lost", "torn")
CALLS = ("replace", "rename", "link", "unlink", "mkdir", "rmdir", "fsync")


@dataclass
class Disk:
    """Names and contents as a power cut would leave them; names are paths below the root, a folder has no number."""

    contents: dict[int, bytes] = field(default_factory=dict)
    names: dict[str, int | None] = field(default_factory=dict)
    pending: list[tuple[frozenset[str], Change]] = field(default_factory=list)


class PowerCuts:
    """Watches work below `root`, and yields the states of the disk that a power cut may leave."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.disk = Disk()
        self.states: list[tuple[str, dict[str, bytes | None]]] = []
        self.points = 0
        self._numbers: dict[int, int] = {}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """While this is open, every call is seen; what is there before is on the disk."""
        self._settle()
        originals = {name: getattr(os, name) for name in CALLS}
        depth = 0

        def watched(name: str):
            def call(*arguments, **options):
                nonlocal depth
                two = 2 if name in ("replace", "rename", "link") else 1
                paths = arguments if name == "fsync" else tuple(_whole(path, options) for path in arguments[:two])
                if depth or not self._ours(name, paths):
                    return originals[name](*arguments, **options)
                depth += 1
                try:
                    self._cut(name)
                    change = self._change(name, paths)
                    result = originals[name](*arguments, **options)
                    if change:
                        self.disk.pending.append(change)
                    self._forget_removed()
                    return result
                finally:
                    depth -= 1

            return call

        try:
            for name in CALLS:
                setattr(os, name, watched(name))
            yield
            depth += 1
            self._cut("the end")
        finally:
            for name, original in originals.items():
                setattr(os, name, original)

    def _ours(self, name: str, arguments: tuple) -> bool:
        path = os.readlink(f"/proc/self/fd/{arguments[0]}") if name == "fsync" else os.path.abspath(arguments[0])
        return path == str(self.root) or path.startswith(f"{self.root}/")

    def _below(self, path) -> str:
        return os.path.relpath(os.path.abspath(path), self.root)

    def _settle(self) -> None:
        """All that is there now is on the disk."""
        self.disk = Disk()
        for path in sorted(self.root.rglob("*")):
            self._adopt(path)

    def _adopt(self, path: Path) -> None:
        if path.is_dir():
            self.disk.names[self._below(path)] = None
        else:
            number = self._number(path)
            self.disk.names[self._below(path)] = number
            self.disk.contents[number] = path.read_bytes()

    def _number(self, path: Path) -> int:
        """A number for each file ever made; those of the system are used again."""
        return self._numbers.setdefault(path.stat().st_ino, len(self._numbers) + 1000 * self.points)

    def _forget_removed(self) -> None:
        there = {path.stat().st_ino for path in self._files().values()}
        self._numbers = {inode: number for inode, number in self._numbers.items() if inode in there}

    def _files(self) -> dict[str, Path]:
        with_names = {self._below(path): path for path in self.root.rglob("*")}
        return {name: path for name, path in with_names.items() if not name.endswith(".lock")}

    def _applied(self) -> dict[str, int | None]:
        names = dict(self.disk.names)
        for _, change in self.disk.pending:
            change(names)
        return names

    def _note_new_files(self) -> None:
        """Files that were opened for the first time since: their names are pending, their bytes not on the disk."""
        known = self._applied()
        for name, path in self._files().items():
            if path.is_dir() or name in known:
                continue
            number = self._number(path)
            self.disk.contents.setdefault(number, b"")
            folder = os.path.dirname(name)
            self.disk.pending.append((frozenset({folder}), _add(name, number)))

    def _change(self, name: str, arguments: tuple) -> tuple[frozenset[str], Change] | None:
        if name == "fsync":
            self._sync(Path(os.readlink(f"/proc/self/fd/{arguments[0]}")))
            return None
        here = self._below(arguments[0])
        if name == "mkdir":
            return (frozenset({os.path.dirname(here)}), _add(here, None)) if not os.path.lexists(arguments[0]) else None
        if not os.path.lexists(arguments[0]):
            return None
        if name in ("unlink", "rmdir"):
            return frozenset({os.path.dirname(here)}), _remove(here)
        there = self._below(arguments[1])
        if name == "link":
            number = self._number(Path(arguments[0]))
            taken = os.path.lexists(arguments[1])
            return None if taken else (frozenset({os.path.dirname(there)}), _add(there, number))
        return frozenset({os.path.dirname(here), os.path.dirname(there)}), _move(here, there)

    def _sync(self, path: Path) -> None:
        self._note_new_files()
        if path.is_dir():
            folder = self._below(path).removeprefix(".")
            kept = []
            for touched, change in self.disk.pending:
                if folder in touched:
                    change(self.disk.names)
                else:
                    kept.append((touched, change))
            self.disk.pending = kept
        else:
            self.disk.contents[self._number(path)] = path.read_bytes()

    def _cut(self, where: str) -> None:
        """Keep every state that a power cut at this very moment may leave."""
        self._note_new_files()
        self.points += 1
        now = {}
        for path in self._files().values():
            if path.is_file():
                now[self._number(path)] = path.read_bytes()
        changed = [number for number in now if now[number] != self.disk.contents.get(number, b"")]
        for names in self._possible_names():
            for kinds in (
                itertools.product(KINDS, repeat=len(changed))
                if len(changed) <= 3
                else [(kind,) * len(changed) for kind in KINDS]
            ):
                kind_of = dict(zip(changed, kinds, strict=False))
                state = {n: None if i is None else self._bytes(i, now, kind_of.get(i, "")) for n, i in names.items()}
                state = {n: b for n, b in state.items() if all(p in state for p in _parents(n))}
                self.states.append((f"{where}, moment {self.points}, {kinds}", state))

    def _bytes(self, number: int, now: dict[int, bytes], kind: str) -> bytes:
        old = self.disk.contents.get(number, b"")
        new = now.get(number, old)
        if kind in ("", "written") or old == new:
            return new
        if kind == "lost":
            return old
        half = (len(old) + len(new)) // 2 if new.startswith(old) else len(new) // 2
        return new[:half] + bytes(len(new) - half)

    def _possible_names(self) -> Iterator[dict[str, int | None]]:
        changes = [change for _, change in self.disk.pending]
        few = len(changes) <= 5
        chosen = [changes, [], *(changes[:i] for i in range(1, len(changes)))]
        chosen += [changes[:i] + changes[i + 1 :] for i in range(len(changes) - 1)]
        for some in itertools.chain.from_iterable(map(_subsets(changes), range(6))) if few else chosen:
            names = dict(self.disk.names)
            for change in some:
                change(names)
            yield names


def _subsets(changes: list[Change]) -> Callable[[int], Iterator[tuple[Change, ...]]]:
    return lambda size: itertools.combinations(changes, size)


def _whole(path, options: dict) -> str:
    folder = options.get("dir_fd")
    return os.path.abspath(path if folder is None else Path(os.readlink(f"/proc/self/fd/{folder}"), path))


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:i]) for i in range(1, len(parts)))


def _add(name: str, number: int | None) -> Change:
    return lambda names: names.update({name: number})


def _remove(name: str) -> Change:
    return lambda names: names.pop(name, None) and None


def _move(source: str, target: str) -> Change:
    def move(names: dict[str, int | None]) -> None:
        moved = {n: i for n, i in names.items() if n == source or n.startswith(f"{source}/")}
        for name, number in moved.items():
            del names[name]
            names[target + name[len(source) :]] = number

    return move


def put(state: dict[str, bytes | None], root: Path) -> Path:
    """Make a folder that is what the disk holds after a power cut."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name, content in sorted(state.items(), key=lambda item: item[0].count("/")):
        if content is None:
            (root / name).mkdir(exist_ok=True)
    for name, content in state.items():
        if content is not None:
            (root / name).write_bytes(content)
    return root


def distinct(states: list[tuple[str, dict[str, bytes | None]]]) -> list[tuple[str, dict[str, bytes | None]]]:
    """Each state once."""
    seen: dict[tuple, tuple[str, dict[str, bytes | None]]] = {}
    for where, state in states:
        seen.setdefault(tuple(sorted(state.items(), key=lambda item: item[0])), (where, state))
    return list(seen.values())
