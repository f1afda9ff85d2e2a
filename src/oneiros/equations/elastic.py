r"""Elastic weights: how much each weight mattered, and what it costs to move it (Kirkpatrick et al. 2017)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap


def fisher_diagonal(
    net: nn.Module, x: Float[Tensor, "n ..."], *, parameters: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    r"""Diagonal of the Fisher information: `F_i = E_x E_{c ~ p(c|x)} [(d log p(c|x) / d theta_i)^2]`, mean over x.

    The expectation over classes is taken exactly, over the network's own answers, and not over labels: labels would
    give the "empirical Fisher", which vanishes where examples are fitted (van de Ven 2025, "On the computation of the
    Fisher information in continual learning", EXACT).

    Args:
        net: from `[n, ...]` to scores `[n, classes]`, in evaluation mode; it answers each row by itself.
        x: inputs.
        parameters: those of the net whose diagonal is asked for, by name.

    >>> net = nn.Linear(1, 2, bias=False)
    >>> _ = nn.init.zeros_(net.weight)
    >>> fisher_diagonal(net, torch.tensor([[2.0]]), parameters=dict(net.named_parameters()))  # p (1 - p) x^2
    {'weight': tensor([[1.],
            [1.]])}
    """
    fixed = {name: value for name, value in net.state_dict(keep_vars=True).items() if name not in parameters}
    fixed = {name: value.detach() for name, value in fixed.items()}
    moving = {name: value.detach() for name, value in parameters.items()}

    def log_p(moving: dict[str, Tensor], row: Tensor, label: Tensor) -> Tensor:
        return functional_call(net, {**fixed, **moving}, (row[None],))[0].log_softmax(0)[label]

    with torch.no_grad():
        p = net(x).softmax(1)
    of_each_row = vmap(grad(log_p), in_dims=(None, 0, None))
    summed = {name: torch.zeros_like(value) for name, value in moving.items()}
    for label in range(p.shape[1]):
        slopes = of_each_row(moving, x, torch.tensor(label, device=x.device))
        for name, slope in slopes.items():
            summed[name] += torch.tensordot(p[:, label].to(slope), slope.square(), dims=1)
    return {name: value / len(x) for name, value in summed.items()}


def elastic_energy(
    now: Mapping[str, Tensor], anchor: Mapping[str, Tensor], importance: Mapping[str, Tensor]
) -> Float[Tensor, ""]:
    r"""`1/2 sum_i F_i (theta_i - theta*_i)^2` (Kirkpatrick et al. 2017, Eq. 3, without its factor lambda).

    To second order this is by how much the network's answers have changed, as a Kullback-Leibler divergence.

    >>> one = {"w": torch.tensor([1.0, 3.0])}
    >>> elastic_energy(one, {"w": torch.tensor([0.0, 1.0])}, {"w": torch.tensor([2.0, 0.5])})  # (2 + 0.5 x 4) / 2
    tensor(2.)
    """
    terms = [(importance[name] * (now[name] - kept).square()).sum() for name, kept in anchor.items()]
    return 0.5 * torch.stack(terms).sum()
