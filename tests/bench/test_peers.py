"""Races against peers: that they time both sides and reach into clones without leaving anything of them behind."""

import doctest
import sys

import pytest
import torch

from bench.peers import told
from bench.peers.clones import importable, spent
from bench.peers.pad import WARM_UP, race

SCRIPT = """
import argparse
import torch
from utils import *
parser = argparse.ArgumentParser()
for name in ("--is_continue", "--niter", "--workers", "--batchSize"):
    parser.add_argument(name, type=int)
asked = parser.parse_args()
dataset, back, channels = get_dataset("cifar10", "nowhere", 32)
loader = torch.utils.data.DataLoader(dataset, batch_size=asked.batchSize)
for i, (images, labels) in enumerate(loader):
    assert images.shape == (64, 3, 32, 32)
    for _ in range(400):
        torch.mm(images[0, 0], images[0, 0])
"""


@pytest.fixture
def clone(tmp_path):
    """Stands for the authors': a script that asks for batches, and its `utils`."""
    (tmp_path / "main_PAD.py").write_text(SCRIPT)
    (tmp_path / "utils.py").write_text("def get_dataset(*names):\n    raise FileNotFoundError(names)\n")
    return tmp_path


def test_the_authors_script_runs_as_it_is_on_our_batches_and_both_sides_are_timed(clone):
    threads = torch.get_num_threads()
    found = race(clone, rounds=2)
    torch.set_num_threads(threads)
    assert list(found.seconds) == ["authors' script", "ours, float32", "ours, bf16"]
    assert [len(taken) for taken in found.seconds.values()] == [2, 2, 2]
    assert all(seconds > 0 for taken in found.seconds.values() for seconds in taken)
    # The script's 400 products of 32 x 32 are a small part of a cycle.
    assert min(found.seconds["ours, float32"]) > max(found.seconds["authors' script"])
    assert WARM_UP > 0


def test_modules_of_a_clone_are_forgotten_so_that_the_next_clone_has_its_own(clone, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "utils.py").write_text("here = 'other'\n")
    with importable(clone):
        import utils  # pyright: ignore[reportMissingImports]

        assert hasattr(utils, "get_dataset")
    assert "utils" not in sys.modules
    with importable(other):
        import utils  # pyright: ignore[reportMissingImports]

        assert utils.here == "other"
    assert str(other) not in sys.path


def test_a_command_is_timed_and_what_it_says_is_found_or_its_failure_told(tmp_path):
    busy = "import sys\nsum(range(10**6))\nprint('accuracy 0.5')"
    seconds, accuracy = spent([sys.executable, "-c", busy], tmp_path, r"accuracy (\S+)")
    assert accuracy == "0.5"
    assert 0 < seconds < 10
    with pytest.raises(RuntimeError, match="did not say 'nothing'"):
        spent([sys.executable, "-c", busy], tmp_path, "nothing")


def test_examples_in_the_table_maker():
    assert doctest.testmod(told).failed == 0
    assert doctest.testmod(told).attempted == 3
