"""What a manifest says of the code: its hash, and the commit in which that code can be read."""

import json
import subprocess
from pathlib import Path

import pytest

from oneiros.runs.store import Manifest
from oneiros.runs.store.manifest import Revision, revision_of

ADDRESS = {
    "paper": "p",
    "experiment": "e",
    "condition": "c",
    "seed": 0,
    "scale": "smoke",
    "config": {},
    "device": "cpu",
}


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A repository with one committed source file in `package`, and the folder it is in."""
    package = tmp_path / "repository" / "package"
    package.mkdir(parents=True)
    (package / "code.py").write_text("x = 1\n")
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-q", "-m", "one")
    return package


def test_a_checkout_is_known_by_its_commit_and_by_whether_its_files_are_that_commits(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout.parent / "notes.txt").write_text("beside the package: no part of what runs")
    assert revision_of(checkout) == Revision(commit, "clean")
    (checkout / "code.py").write_text("x = 2\n")
    assert revision_of(checkout) == Revision(commit, "changed")
    git(checkout, "checkout", "-q", "code.py")
    assert revision_of(checkout) == Revision(commit, "clean")
    (checkout / "more.py").write_text("")  # a file that git does not follow yet runs all the same
    assert revision_of(checkout) == Revision(commit, "changed")


def test_outside_a_checkout_there_is_no_commit_and_nobody_elses_is_taken(checkout, tmp_path):
    assert revision_of(tmp_path) == Revision("", "")
    installed = checkout.parent / "environment" / "package"
    installed.mkdir(parents=True)
    (installed / "code.py").write_text("x = 1\n")
    assert revision_of(installed) == Revision("", "")


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert revision_of(checkout) == Revision("", "")


def test_a_manifest_keeps_its_commit_and_one_from_before_is_read_as_it_was():
    written = Manifest(**ADDRESS, commit="f" * 40, tree="clean").to_json()
    assert Manifest.from_json(written, "").commit == "f" * 40
    entries = json.loads(written)
    del entries["commit"], entries["tree"]
    old = Manifest.from_json(json.dumps(entries), "")
    assert (old.commit, old.tree) == ("", "")
    del entries["precision"], entries["products"]
    old = Manifest.from_json(json.dumps(entries), "")
    assert (old.precision, old.products, old.maker) == ("float32", "", old.code)
    assert old.hash == Manifest.from_json(written, "").hash
