"""Many independent jobs: one interface; this process, the processes of this machine, or a Ray cluster."""

from oneiros.runs.engines.engine import CANCELLED as CANCELLED
from oneiros.runs.engines.engine import DIED as DIED
from oneiros.runs.engines.engine import Engine as Engine
from oneiros.runs.engines.engine import Job as Job
from oneiros.runs.engines.engine import Outcome as Outcome
from oneiros.runs.engines.engine import run_jobs as run_jobs
from oneiros.runs.engines.inline import InlineEngine as InlineEngine
from oneiros.runs.engines.local import LocalEngine as LocalEngine
from oneiros.runs.engines.local import usable_cores as usable_cores
from oneiros.runs.engines.local import visible_devices as visible_devices
