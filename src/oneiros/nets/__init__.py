"""Slow weights."""

from oneiros.nets.dreaming import DreamingNet as DreamingNet
from oneiros.nets.equilibrium import EquilibriumRNN as EquilibriumRNN
from oneiros.nets.equilibrium import Euler as Euler
from oneiros.nets.equilibrium import FixedPoint as FixedPoint
from oneiros.nets.modes import lend_dropout as lend_dropout
from oneiros.nets.split import names_above as names_above
from oneiros.nets.split import split as split
from oneiros.nets.vgg import VGG as VGG
from oneiros.nets.vgg import Anatomy as Anatomy
