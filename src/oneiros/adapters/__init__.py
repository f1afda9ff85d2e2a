"""The same machinery for other people's programs: a `Sleeper` in a plain PyTorch loop, scikit-learn, Avalanche.

`sklearn` and `avalanche` are modules of their own, so that nobody pays for a program that is not used.
"""

from oneiros.adapters.generative import GenerativeReplay as GenerativeReplay
from oneiros.adapters.layer import LayerReplay as LayerReplay
from oneiros.adapters.mechanism import Attachment as Attachment
from oneiros.adapters.mechanism import Mechanism as Mechanism
from oneiros.adapters.mechanism import Needs as Needs
from oneiros.adapters.mechanism import NoSleep as NoSleep
from oneiros.adapters.mechanism import Together as Together
from oneiros.adapters.rehearsal import Rehearsal as Rehearsal
from oneiros.adapters.requirements import requirements as requirements
from oneiros.adapters.selected import SelectedLayerReplay as SelectedLayerReplay
from oneiros.adapters.sleeper import Sleeper as Sleeper
from oneiros.adapters.spiking import SpikeReplay as SpikeReplay
