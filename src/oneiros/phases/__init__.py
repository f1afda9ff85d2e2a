"""What happens to a brain by day and by night."""

from oneiros.phases.augment import Augment as Augment
from oneiros.phases.away import Away as Away
from oneiros.phases.category_replay import CategoryReplay as CategoryReplay
from oneiros.phases.dreaming_wake import DreamingWake as DreamingWake
from oneiros.phases.dreams import Imagined as Imagined
from oneiros.phases.dreams import Veridical as Veridical
from oneiros.phases.encode import Encode as Encode
from oneiros.phases.equilibrium_wake import EquilibriumWake as EquilibriumWake
from oneiros.phases.forget import ForgetLatents as ForgetLatents
from oneiros.phases.nrem import Nrem as Nrem
from oneiros.phases.phantom_step import PhantomStep as PhantomStep
from oneiros.phases.rehearse import Rehearse as Rehearse
from oneiros.phases.rem import Rem as Rem
from oneiros.phases.remember import Remember as Remember
from oneiros.phases.remember import SealExemplars as SealExemplars
from oneiros.phases.replay import Replay as Replay
from oneiros.phases.selected_replay import SelectedReplay as SelectedReplay
from oneiros.phases.spiking_sleep import SpikingSleep as SpikingSleep
from oneiros.phases.visual_wake import VisualWake as VisualWake
