"""What is kept between phases; a memory can be written to, replayed from, or asked for what it is for."""

from oneiros.memory.anchor import Anchor as Anchor
from oneiros.memory.class_activations import ClassActivations as ClassActivations
from oneiros.memory.evidence import Evidence as Evidence
from oneiros.memory.exemplars import Exemplars as Exemplars
from oneiros.memory.frozen_scholar import FrozenScholar as FrozenScholar
from oneiros.memory.held_out import HeldOut as HeldOut
from oneiros.memory.images import Images as Images
from oneiros.memory.mean_input import MeanInput as MeanInput
from oneiros.memory.moments import ClassMoments as ClassMoments
from oneiros.memory.moments import Moments as Moments
from oneiros.memory.past_lessons import PastLessons as PastLessons
from oneiros.memory.projector import Projector as Projector
from oneiros.memory.recent_latents import RecentLatents as RecentLatents
from oneiros.memory.selector import Selector as Selector
from oneiros.memory.shuffled_input import ShuffledInput as ShuffledInput
from oneiros.memory.waiting import SeenToday as SeenToday
from oneiros.memory.waiting import Waiting as Waiting
