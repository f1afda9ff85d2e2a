"""Brain -> arrays and numbers, looking only."""

from oneiros.probes.accuracy import accuracy as accuracy
from oneiros.probes.accuracy import confusion as confusion
from oneiros.probes.accuracy import first_nonfinite as first_nonfinite
from oneiros.probes.accuracy import predictions as predictions
from oneiros.probes.readout import Readout as Readout
from oneiros.probes.readout import ridge_readout as ridge_readout
from oneiros.probes.readout import sgd_readout as sgd_readout
