from . import equilibrium as equilibrium
from . import patches as patches
from . import sparse_input as sparse_input
from . import spiking as spiking

HOME: str
