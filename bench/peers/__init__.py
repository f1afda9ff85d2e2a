"""Races against peers' own code, each in the reader's own clone: both sides in turn, processor seconds, one thread.

    python -m bench peers pad CLONE                        github.com/NicoZenith/PAD
    python -m bench peers energy CLONE                     github.com/rain-neuromorphics/energy-based-learning
    python -m bench peers continual CLONE                  github.com/GMvandeVen/continual-learning
    python -m bench peers sleep CLONE                      the SRC code (MATLAB), through `octave` on the PATH
    python -m bench peers mammoth CLONE                    github.com/aimagelab/mammoth

`continual`, `mammoth` and Avalanche read MNIST in $ONEIROS_DATA; Avalanche is a package and needs no clone:
`python -m bench avalanche_split_mnist`. Each race prints a Markdown table
and, with --docs, writes it to docs/speed-peers.md in place of the one from before. None of their code is in ours.
"""

import argparse
import importlib
import os
from pathlib import Path

RACES = ("pad", "energy", "continual", "sleep", "mammoth")


def main() -> None:
    # Before any library counts the cores.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("race", choices=RACES)
    parser.add_argument("clone", type=Path, help="the reader's own clone of the peer's repository")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--docs", action="store_true", help="write the table to docs/speed-peers.md, too")
    asked = parser.parse_args()
    if not asked.clone.is_dir():
        parser.error(f"{asked.clone} is no folder; give the path of a clone")
    from bench.peers.told import publish

    race = importlib.import_module(f"bench.peers.{asked.race}").race
    publish(asked.race, race(asked.clone.resolve(), asked.rounds), docs=asked.docs)
