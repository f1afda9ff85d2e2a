"""Sleep whose gains follow from how far data drives the network (Tadros et al. 2022, code).

Equation: `oneiros.equations.spiking.data_scales`.
Test: `tests/phases/test_scaled_to_data.py`.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from oneiros.core import Around, Brain
from oneiros.equations.spiking import data_scales
from oneiros.memory.images import Images
from oneiros.nets.modes import resting
from oneiros.phases.night.spiking_sleep import SpikingSleep


@dataclass(frozen=True, kw_only=True)
class ScaledToData(Around):
    """Multiplies the gains of `inner` by `data_scales`, newly every night.

    The only night of sleep replay that looks at data: the published constants were found with scales from the training
    images of all tasks so far, so these must be kept. Rectified networks whose layers follow one another.

    Attributes:
        inner: the night; its gains are Tadros et al.'s alpha / beta.
        memory: name of an `Images` memory with the images.
    """

    inner: SpikingSleep
    memory: str = "seen"

    def __call__(self, brain: Brain, rng: torch.Generator) -> dict[str, Tensor]:
        """Scale, then sleep."""
        scales = data_scales(self._largest(brain))
        gains = tuple(gain * scale for gain, scale in zip(self.inner.gains, scales, strict=True))
        return replace(self.inner, gains=gains)(brain, rng)

    def _largest(self, brain: Brain) -> list[float]:
        """The largest weight or activation of each layer; what the next layer hears is the activation."""
        seen, layers = brain.remembers(self.memory, Images), self.inner.layers
        if not len(seen):
            raise RuntimeError("scales from an empty Images memory: store a batch (day phase Remember) first")
        largest = [brain.net.get_parameter(name).detach().max().item() for name in layers]

        def note(index: int, activation: Tensor) -> None:
            largest[index] = max(largest[index], activation.max().item())

        def listen(index: int):
            def hook(module: nn.Module, heard: tuple[Tensor, ...]) -> None:
                note(index, heard[0])

            return hook

        above = [brain.net.get_submodule(name.rpartition(".")[0]) for name in layers[1:]]
        hooks = [module.register_forward_pre_hook(listen(index)) for index, module in enumerate(above)]
        try:
            with resting(brain.net):
                for batch in seen.batches():
                    note(len(layers) - 1, brain.net(batch.x))
        finally:
            for hook in hooks:
                hook.remove()
        if min(largest) <= 0:
            raise ValueError(f"no scale where neither a weight nor an activation is positive: {largest} in {layers}")
        return largest
