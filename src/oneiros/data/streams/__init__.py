"""Task streams: from examples to the days of a life."""

from oneiros.data.streams.centred import CentredTask as CentredTask
from oneiros.data.streams.centred import centred as centred
from oneiros.data.streams.empty import EmptyTask as EmptyTask
from oneiros.data.streams.parts import subsample as subsample
from oneiros.data.streams.parts import train_val_split as train_val_split
from oneiros.data.streams.scenarios import class_incremental as class_incremental
from oneiros.data.streams.scenarios import domains as domains
from oneiros.data.streams.scenarios import joint as joint
from oneiros.data.streams.scenarios import order_name as order_name
from oneiros.data.streams.scenarios import permuted as permuted
from oneiros.data.streams.scenarios import task_order as task_order
from oneiros.data.streams.task import ExampleTask as ExampleTask
from oneiros.data.streams.views import blended as blended
from oneiros.data.streams.views import in_colour as in_colour
from oneiros.data.streams.views import relabelled as relabelled
