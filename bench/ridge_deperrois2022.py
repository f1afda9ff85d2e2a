"""How much the ridge readout of Deperrois 2022 depends on its penalty, on validation images that nobody trains on.

python -m bench ridge_deperrois2022 [SEED]    about a quarter of an hour on one core; needs CIFAR-10

Lives the quick scale's three conditions and prints accuracy on clean and on 60 % covered validation images for several
penalties. The recipe's penalty was set before this was run and stayed.
"""

import sys
from dataclasses import replace

from oneiros.life import run_through
from oneiros.measure.probes import ridge_readout
from oneiros.measure.probes.dreaming import covered, encoded
from oneiros.papers.deperrois2022.measure import Observer
from oneiros.runs.catalogue import experiment
from oneiros.runs.experiment import BuildRequest

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
CONDITIONS = ("untrained", "without_rem", "without_nrem", "pad")


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    chosen = experiment("deperrois2022/cifar10")
    config = replace(chosen.scales["quick"], evaluate_on="validation")
    print("condition,penalty,clean,covered")
    for condition in CONDITIONS:
        life = chosen.build(BuildRequest(config=config, condition=condition, seed=seed, data=None, device="cpu"))
        run_through(life.brain, life.tasks, life.schedule, life.seeds)
        look: Observer = life.measure.__self__  # type: ignore[attr-defined]
        z, clean = (encoded(look.net, look.images(examples)) for examples in (look.train, look.test))
        hidden = encoded(look.net, covered(look.images(look.test), 0.6, 4, look.rng("occlusion")))
        for penalty in PENALTIES:
            readout = ridge_readout(z, look.train.labels, len(look.train.classes), penalty=penalty)
            scores = (readout.accuracy(part, look.test.labels) for part in (clean, hidden))
            print(condition, penalty, *(f"{100 * score:.1f}" for score in scores), sep=",", flush=True)
