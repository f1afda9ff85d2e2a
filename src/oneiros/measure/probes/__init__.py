"""Brain -> arrays and numbers, looking only."""

from oneiros.measure.probes.accuracy import accuracy as accuracy
from oneiros.measure.probes.accuracy import confusion as confusion
from oneiros.measure.probes.accuracy import first_nonfinite as first_nonfinite
from oneiros.measure.probes.accuracy import predictions as predictions
from oneiros.measure.probes.readout import Readout as Readout
from oneiros.measure.probes.readout import ridge_readout as ridge_readout
from oneiros.measure.probes.readout import sgd_readout as sgd_readout
