"""Wake by backpropagation that steps around what earlier days have used (OWM; Kubo et al. 2025, Table 3).

Equation: `oneiros.equations.projection.shrink` (Zeng et al. 2019). Test: `tests/phases/test_orthogonal_wake.py`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from oneiros.core import Batch, Brain
from oneiros.memory.projector import Projector
from oneiros.nets.layers import Perceptron
from oneiros.nets.modes import in_full


@dataclass(frozen=True, kw_only=True)
class OrthogonalWake:
    """Cross-entropy gradient of each layer, times that layer's projector; then the layer's mean input is stored.

    Biases are synapses from a neuron that is always 1, so that they are protected too. Needs a `Perceptron`, labels,
    and one `Projector` a layer, sealed at night by `SealProjectors`.

    Attributes:
        memories: names of the projectors, from the first layer to the last.
        optim: name of the optimiser in `brain.optim`; one without momentum, which would step on old directions.
    """

    name = "orthogonal-wake"
    changes = ("layers.",)
    returns = ("loss",)

    memories: tuple[str, ...]
    optim: str = "wake"

    @in_full()
    def __call__(self, brain: Brain, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Learn one batch."""
        net = brain.network(Perceptron)
        layers = [layer for layer in net.layers if isinstance(layer, nn.Linear)]
        projectors = [brain.remembers(name, Projector) for name in self.memories]
        heard, x = [], batch.x.flatten(1)
        for layer in net.layers:
            if isinstance(layer, nn.Linear):
                heard.append(pad(x.detach(), (0, 1), value=1.0))
            x = layer(x)
        loss = cross_entropy(x, batch.unweighted().targets())
        gradients = torch.autograd.grad(loss, [p for layer in layers for p in (layer.weight, layer.bias)])
        steps = zip(layers, projectors, gradients[::2], gradients[1::2], strict=True)
        for layer, projector, weight, bias in steps:
            change = projector.project(torch.cat([weight, bias[:, None]], dim=1))
            layer.weight.grad, layer.bias.grad = change[:, :-1], change[:, -1]
        brain.optimiser(self.optim).step()
        for projector, inputs in zip(projectors, heard, strict=True):
            projector.store(Batch(x=inputs), rng)
        for parameter in net.parameters():
            parameter.grad = None
        return {"loss": loss.detach()}


@dataclass(frozen=True, kw_only=True)
class SealProjectors:
    """Falling asleep: what was heard today is protected from tomorrow. Moves no parameter."""

    name = "seal-projectors"
    changes = ()
    returns = ()

    memories: tuple[str, ...]

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Seal them."""
        for name in self.memories:
            brain.remembers(name, Projector).seal()
        return {}
