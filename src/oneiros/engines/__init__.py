"""Many independent jobs: one interface; this process, the processes of this machine, or a Ray cluster."""

from oneiros.engines.engine import CANCELLED as CANCELLED
from oneiros.engines.engine import DIED as DIED
from oneiros.engines.engine import Engine as Engine
from oneiros.engines.engine import Job as Job
from oneiros.engines.engine import Outcome as Outcome
from oneiros.engines.engine import run_jobs as run_jobs
from oneiros.engines.inline import InlineEngine as InlineEngine
from oneiros.engines.local import LocalEngine as LocalEngine
from oneiros.engines.local import usable_cores as usable_cores
from oneiros.engines.local import visible_devices as visible_devices
