from .accuracy import accuracy as accuracy
from .accuracy import confusion as confusion
from .accuracy import first_nonfinite as first_nonfinite
from .accuracy import predictions as predictions
from .readout import Readout as Readout
from .readout import ridge_readout as ridge_readout
from .readout import sgd_readout as sgd_readout
