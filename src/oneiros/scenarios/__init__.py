"""Task streams: from examples to the days of a life."""

from oneiros.scenarios.away import AwayTask as AwayTask
from oneiros.scenarios.centred import CentredTask as CentredTask
from oneiros.scenarios.centred import centred as centred
from oneiros.scenarios.split import carve as carve
from oneiros.scenarios.split import thin as thin
from oneiros.scenarios.streams import class_incremental as class_incremental
from oneiros.scenarios.streams import domains as domains
from oneiros.scenarios.streams import joint as joint
from oneiros.scenarios.streams import order_name as order_name
from oneiros.scenarios.streams import permuted as permuted
from oneiros.scenarios.streams import task_order as task_order
from oneiros.scenarios.task import ExampleTask as ExampleTask
from oneiros.scenarios.uneventful import UneventfulTask as UneventfulTask
from oneiros.scenarios.views import blended as blended
from oneiros.scenarios.views import in_colour as in_colour
from oneiros.scenarios.views import relabelled as relabelled
