"""The same machinery for other people's programs: a `Sleeper` in a plain PyTorch loop, scikit-learn, Avalanche.

`sklearn` and `avalanche` are modules of their own, so that nobody pays for a program that is not used.
"""

from oneiros.sleeper.automatic import Automatic as Automatic
from oneiros.sleeper.elastic import ElasticWeights as ElasticWeights
from oneiros.sleeper.exact import AtLayer as AtLayer
from oneiros.sleeper.exact import ExactNights as ExactNights
from oneiros.sleeper.exact import Features as Features
from oneiros.sleeper.exact import FeCam as FeCam
from oneiros.sleeper.exact import Front as Front
from oneiros.sleeper.exact import Inputs as Inputs
from oneiros.sleeper.exact import NearestClassMean as NearestClassMean
from oneiros.sleeper.exact import RandomRelu as RandomRelu
from oneiros.sleeper.exact import RanPac as RanPac
from oneiros.sleeper.exact import RecursiveRidge as RecursiveRidge
from oneiros.sleeper.exact import Root as Root
from oneiros.sleeper.exact import StreamingLda as StreamingLda
from oneiros.sleeper.generative import GenerativeReplay as GenerativeReplay
from oneiros.sleeper.layer import LayerReplay as LayerReplay
from oneiros.sleeper.mechanism import Attachment as Attachment
from oneiros.sleeper.mechanism import Combined as Combined
from oneiros.sleeper.mechanism import Mechanism as Mechanism
from oneiros.sleeper.mechanism import Needs as Needs
from oneiros.sleeper.mechanism import NoSleep as NoSleep
from oneiros.sleeper.rehearsal import Rehearsal as Rehearsal
from oneiros.sleeper.requirements import requirements as requirements
from oneiros.sleeper.selected import SelectedLayerReplay as SelectedLayerReplay
from oneiros.sleeper.sleeper import Sleeper as Sleeper
from oneiros.sleeper.spiking import SpikeReplay as SpikeReplay
