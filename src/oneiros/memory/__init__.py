"""What is kept between phases: store and recall."""

from oneiros.memory.exemplars import Exemplars as Exemplars
from oneiros.memory.mean_input import MeanInput as MeanInput
from oneiros.memory.recent_latents import RecentLatents as RecentLatents
