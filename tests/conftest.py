"""One thread for each test process: there are as many processes as cores, and sums do not depend on the machine."""

import torch

torch.set_num_threads(1)
