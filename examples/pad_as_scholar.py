"""The generator of perturbed and adversarial dreaming (PAD) as a scholar's: what it dreams teaches the solver.

    python examples/pad_as_scholar.py [--smoke]

PAD learns without labels: its encoder and generator live a day of images with NREM and REM after every batch, then
the scholar takes the generator for its own, and a new solver learns from its dreams and the old solver's answers alone.
A `Generator` is any module with a buffer `seen` and `sample`; `PadGenerator` below is all the glue there is.
"""

import sys

import torch
from torch.nn.functional import interpolate

from oneiros.core import Batch, Brain, Seeds
from oneiros.data import load
from oneiros.memory import FrozenScholar, RecentLatents
from oneiros.nets import DreamingNet, Scholar, SmallConvNet
from oneiros.phases import BackpropWake, DreamingWake, Nrem, Rem, ScholarWake, SnapshotTeacher

batches = 8 if "--smoke" in sys.argv else 150


class PadGenerator(torch.nn.Module):
    """PAD's feedback pathway as a generator of images in [0, 1]: it dreams from latents as wake images have them."""

    seen: torch.Tensor

    def __init__(self, pad: DreamingNet, latents: int) -> None:
        super().__init__()
        self.pad, self.latents = pad, latents
        self.register_buffer("seen", torch.tensor(0))

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator, labels: torch.Tensor | None = None) -> Batch:
        """`n` dreams of no class in particular."""
        z = torch.randn(n, self.latents, generator=rng)
        return Batch(x=(self.pad.generator(z) + 1) / 2, z=z)


digits = load("digits")
parts = (digits.train.all(), digits.test.all())
train, test = ((interpolate(part.x.expand(-1, 3, -1, -1), size=(32, 32)), part.y) for part in parts)
with Seeds(0).building("init"):
    pad = DreamingNet(channels=16, latents=32)
    scholar = Scholar(PadGenerator(pad, 32), SmallConvNet((3, 32, 32), 10, width=8))
optim = {part: torch.optim.Adam(getattr(pad, part).parameters(), lr=1e-3) for part in ("encoder", "generator")}
dreamer = Brain(net=pad, memory={"latents": RecentLatents()}, optim=optim)
solver = {"solver": torch.optim.Adam(scholar.solver.parameters(), lr=2e-3)}
brain = Brain(net=scholar, memory={"scholar": FrozenScholar(scholar)}, optim=solver)
for step in range(batches):
    rows = torch.randperm(len(train[1]), generator=Seeds(0).rng("rows", step))[:64]
    day = Batch(x=train[0][rows], y=train[1][rows])
    BackpropWake(optim="solver", changes=("solver.",))(brain, day, Seeds(0).rng("solver", step))
    DreamingWake()(dreamer, Batch(x=2 * day.x - 1), Seeds(0).rng("wake", step))
    for phase in (Nrem(), Rem()):
        phase(dreamer, Seeds(0).rng(phase.name, step))
scholar.generator.seen += 64 * batches
SnapshotTeacher()(brain, Seeds(0).rng("night"))

with Seeds(1).building("init"):
    pupil = SmallConvNet((3, 32, 32), 10, width=8)
scholar.solver.load_state_dict(pupil.state_dict())
nothing = Batch(x=train[0][:0], y=train[1][:0])
for step in range(batches):
    ScholarWake(replayed=64)(brain, nothing, Seeds(0).rng("quiet day", step))


def right(net: torch.nn.Module) -> float:
    """Test accuracy."""
    with torch.no_grad():
        return float((net(test[0]).argmax(1) == test[1]).double().mean())


print("teacher", float((brain.memory["scholar"].answer(test[0]).argmax(1) == test[1]).double().mean()))
print("pupil of dreams alone", right(scholar.solver))
print("untaught", right(pupil))
