"""Slow weights."""

from oneiros.nets.dreaming import DreamingNet as DreamingNet
from oneiros.nets.equilibrium import EquilibriumRNN as EquilibriumRNN
from oneiros.nets.equilibrium import Euler as Euler
from oneiros.nets.equilibrium import FixedPoint as FixedPoint
