"""Many independent jobs: one interface, local processes."""

from oneiros.engines.local import Job as Job
from oneiros.engines.local import Outcome as Outcome
from oneiros.engines.local import run_jobs as run_jobs
from oneiros.engines.local import usable_cores as usable_cores
