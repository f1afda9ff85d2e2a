"""The table of what each mechanism needs, out of the mechanisms themselves."""

from oneiros.sleeper.automatic import Automatic
from oneiros.sleeper.elastic import ElasticWeights
from oneiros.sleeper.exact import ExactNights, FeCam, NearestClassMean, RanPac, RecursiveRidge, StreamingLda
from oneiros.sleeper.generative import GenerativeReplay
from oneiros.sleeper.layer import LayerReplay
from oneiros.sleeper.mechanism import Mechanism, NoSleep
from oneiros.sleeper.rehearsal import Rehearsal
from oneiros.sleeper.selected import SelectedLayerReplay
from oneiros.sleeper.spiking import SpikeReplay

MECHANISMS: tuple[type[Mechanism], ...] = (
    Automatic, NoSleep, GenerativeReplay, LayerReplay, SelectedLayerReplay, SpikeReplay, Rehearsal, ElasticWeights,
    ExactNights, NearestClassMean, StreamingLda, RecursiveRidge, RanPac, FeCam,
)  # fmt: skip


def requirements() -> str:
    """A Markdown table, one row a mechanism.

    >>> print(requirements().splitlines()[0])
    | mechanism | from | network | inputs | layer to name | keeps of the past | raw examples |
    """
    head = ("mechanism", "from", "network", "inputs", "layer to name", "keeps of the past", "raw examples")
    rows = [head, ("---",) * len(head)]
    for kind in MECHANISMS:
        needs = kind.needs
        raw = "yes" if needs.raw else "no"
        rows.append((f"`{kind.__name__}`", needs.paper, needs.net, needs.inputs, needs.layer, needs.keeps, raw))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
