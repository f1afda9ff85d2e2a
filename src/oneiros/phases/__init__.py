"""What happens to a brain by day and by night."""

from oneiros.phases.equilibrium_wake import EquilibriumWake as EquilibriumWake
from oneiros.phases.rehearse import Rehearse as Rehearse
from oneiros.phases.remember import Remember as Remember
from oneiros.phases.remember import SealExemplars as SealExemplars
from oneiros.phases.spiking_sleep import SpikingSleep as SpikingSleep
