from oneiros.core import Batch as Batch
from oneiros.core import Brain as Brain
from oneiros.core import Seeds as Seeds
from oneiros.core import Task as Task
from oneiros.core import concatenate as concatenate
from oneiros.data import load as load
from oneiros.life import Cursor as Cursor
from oneiros.life import Event as Event
from oneiros.life import Night as Night
from oneiros.life import Schedule as Schedule
from oneiros.life import live as live
from oneiros.life import live_stacked as live_stacked
from oneiros.life import run_through as run_through
from oneiros.memory import *
from oneiros.phases import *
from oneiros.sleeper import *

__version__: str
