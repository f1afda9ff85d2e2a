"""Perturbed and adversarial dreaming: our cycle against the algorithm written out as published, and against its floor.

`PlainDreaming` is that algorithm, kept plain: convolutions throughout, both heads of the encoder in every pass, three
backward passes in Wake, masks made square by square. Tests hold the fast cycle to it.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from bench.speed.timing import Measurement, median_ratio, seconds_side_by_side
from oneiros.core import Batch, Brain, Seeds
from oneiros.memory.recent_latents import RecentLatents
from oneiros.nets.dreaming import DreamingNet
from oneiros.phases.night.nrem import Nrem
from oneiros.phases.night.rem import Rem
from oneiros.phases.wake.dreaming_wake import DreamingWake
from oneiros.runs.arithmetic import Arithmetic, arithmetic, computing, onednn_is_single

BATCH = 64
CYCLES = 4  # in one round
ROUNDS = 5
# Multiplications and additions of one pass of one image through E or G: four layers of 4 x 4 kernels.
PASS_FLOP = 2 * 16 * (256 * 3 * 64 + 64 * 64 * 128 + 16 * 128 * 256 + 256 * 256)
# Wake 6 passes (E and G forward, each backward twice as dear), NREM 4 (G and E forward, E backward), REM 6.
CYCLE_FLOP = 16 * PASS_FLOP
SIDE, PRODUCTS = 1024, 4  # beside each cycle
PRODUCTS_FLOP = PRODUCTS * 2 * SIDE**3


def adam(parameters, **more) -> torch.optim.Adam:
    """The paper's optimiser."""
    return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999), **more)


@dataclass(frozen=True, kw_only=True)
class Chance:
    """All random numbers of one cycle: p, s and tiles of the occlusion, noise of the mixed dream."""

    probability: float
    size: int
    tiles: Tensor
    noise: Tensor


def square_by_square(chance: Chance) -> Tensor:
    """The occlusion mask, one square after the other, `[1, 1, 32, 32]`."""
    mask = torch.ones(1, 1, 32, 32, dtype=chance.noise.dtype)
    for i, top in enumerate(range(0, 32, chance.size)):
        for j, left in enumerate(range(0, 32, chance.size)):
            if chance.tiles[0, i, j] < chance.probability:
                mask[:, :, top : top + chance.size, left : left + chance.size] = 0
    return mask


@dataclass(kw_only=True)
class PlainDreaming:
    """Algorithm 1 as published, with the choices of the authors' code where it differs (means, mixing)."""

    net: DreamingNet
    previous: Tensor | None = None
    encoder: torch.optim.Optimizer = field(init=False)
    generator: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        self.encoder = adam(self.net.encoder.parameters(), foreach=False)
        self.generator = adam(self.net.generator.parameters(), foreach=False)

    def see(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(z, d) = E(x)."""
        e = self.net.encoder
        for layer in e.trunk:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        return e.latent(x).flatten(1), torch.sigmoid(e.judge(x)).flatten()

    def dream(self, z: Tensor) -> Tensor:
        """G(z)."""
        g = self.net.generator
        x = g.seed(z[:, :, None, None])
        for layer in g.trunk:
            x = layer(nn.functional.leaky_relu(x, 0.2))
        return torch.tanh(x)

    def cycle(self, x: Tensor, chance: Chance) -> None:
        """Wake, NREM and REM of one mini-batch."""
        z = self.wake(x)
        self.nrem(z, square_by_square(chance))
        self.rem(z, chance.noise)
        self.previous = z

    def wake(self, x: Tensor) -> Tensor:
        """Three losses, one after the other; the latents as they were before the step."""
        self.encoder.zero_grad()
        self.generator.zero_grad()
        z, d = self.see(x)
        nn.functional.mse_loss(self.dream(z), x).backward(retain_graph=True)
        mu, sd = z.mean(dim=0), z.std(dim=0)
        (0.5 * (mu**2 + sd**2 - 1 - torch.log(sd**2))).mean().backward(retain_graph=True)
        nn.functional.binary_cross_entropy(d, torch.ones_like(d)).backward()
        self.encoder.step()
        self.generator.step()
        return z.detach()

    def nrem(self, z: Tensor, mask: Tensor) -> None:
        """Perturbed dreaming."""
        self.encoder.zero_grad()
        with torch.no_grad():
            dream = self.dream(z) * mask
        found, _ = self.see(dream)
        nn.functional.mse_loss(found, z).backward()
        self.encoder.step()

    def rem(self, z: Tensor, noise: Tensor) -> None:
        """Adversarial dreaming: the generator climbs what the encoder descends."""
        self.encoder.zero_grad()
        self.generator.zero_grad()
        mixed = 0.5 * z + 0.5 * noise if self.previous is None else 0.25 * z + 0.25 * self.previous + 0.5 * noise
        _, d = self.see(self.dream(mixed))
        nn.functional.binary_cross_entropy(d, torch.zeros_like(d)).backward()
        for parameter in self.net.generator.parameters():
            if parameter.grad is not None:
                parameter.grad = -parameter.grad
        self.encoder.step()
        self.generator.step()


def build_net(dtype: torch.dtype = torch.float32, *, channels: int = 64, latents: int = 256) -> DreamingNet:
    """A net of the paper's size."""
    with Seeds(0).building("init"):
        return DreamingNet(channels=channels, latents=latents).to(dtype)


def build_brain(net: DreamingNet) -> Brain:
    """A brain ready for cycles."""
    optim = {
        "encoder": adam(net.encoder.parameters(), fused=True),
        "generator": adam(net.generator.parameters(), fused=True),
    }
    return Brain(net=net, memory={"latents": RecentLatents()}, optim=dict(optim))


def fast_cycle(brain: Brain, x: Tensor, seeds: Seeds, step: int) -> None:
    """Wake, NREM and REM of one mini-batch by the phases."""
    DreamingWake()(brain, Batch(x=x), seeds.rng("wake", step))
    Nrem()(brain, seeds.rng("nrem", step))
    Rem()(brain, seeds.rng("rem", step))


def chances(seeds: Seeds, step: int, z_shape: tuple[int, int], dtype: torch.dtype) -> Chance:
    """What the phases of `fast_cycle` draw at this step, in their order."""
    nrem, rem = seeds.rng("nrem", step), seeds.rng("rem", step)
    return Chance(
        probability=float(torch.rand((), generator=nrem)),
        size=int(torch.randint(1, 9, (), generator=nrem)),
        tiles=torch.rand(1, 32, 32, generator=nrem),
        noise=torch.randn(z_shape, generator=rem, dtype=dtype),
    )


@contextmanager
def on_cores(n: int) -> Iterator[None]:
    """Torch's operations divided over `n` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def bench_pad() -> Iterator[Measurement]:
    """Cycles of 64 images at full width: ours, the plain one, and the arithmetic both must do; on two cores and on one.

    Two, because that is what the speed was promised on; one, because lives are lived on one each.
    """
    for cores, name in ((2, ""), (1, ".one_core")):
        with on_cores(cores):
            # Of one thread the processor's own seconds count, which leave out what other programs took.
            taken = seconds_of_rounds(time.process_time if cores == 1 else time.perf_counter)
        yield from measurements(taken, cores, name)


def seconds_of_rounds(clock: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds of each round: CYCLES cycles of ours, by bf16 too, and of the plain ones; CYCLES * PRODUCTS products.

    The products are those of every library that is of the precision: a floor is what the best of them takes.

    The sides take turns after every cycle and not after every round: a disturbance of a second or so, while another
    program runs, then slows cycles of each of them and not one side's whole round.
    """
    images = torch.rand(CYCLES, BATCH, 3, 32, 32, generator=Seeds(0).rng("images")) * 2 - 1
    seeds, factor = Seeds(0), torch.rand(SIDE, SIDE, generator=Seeds(0).rng("factor"))

    def ours(how: Arithmetic) -> Callable[[], None]:
        brain, turn = build_brain(build_net()), itertools.cycle(enumerate(images))

        def cycle() -> None:
            step, x = next(turn)
            with computing(how, "cpu"):
                fast_cycle(brain, x, seeds, step)

        return cycle

    def published(how: Arithmetic) -> Callable[[], None]:
        plain, turn = PlainDreaming(net=build_net()), itertools.cycle(enumerate(images))

        def cycle() -> None:
            step, x = next(turn)
            with computing(how, "cpu"):
                plain.cycle(x, chances(seeds, step, (BATCH, 256), torch.float32))

        return cycle

    def multiply(how: Arithmetic) -> Callable[[], None]:
        one = factor.bfloat16() if how.precision == "bf16" else factor
        result = torch.empty_like(one)

        def products() -> None:
            with computing(how, "cpu") if how.precision == "float32" else nullcontext():
                for _ in range(PRODUCTS):
                    torch.mm(one, one, out=result)

        return products

    single = arithmetic("cpu")
    libraries = [Arithmetic(products=each) for each in (("torch", "onednn") if onednn_is_single() else ("torch",))]
    sides = {
        "fast": ours(single), "fast.bf16": ours(Arithmetic(precision="bf16", products=single.products)),
        "slow": published(single), "peak.bf16": multiply(Arithmetic(precision="bf16")),
        **{f"peak.{each.products}": multiply(each) for each in libraries},
    }  # fmt: skip
    turns = seconds_side_by_side(list(sides.values()), rounds=ROUNDS * CYCLES, clock=clock)
    taken = {
        name: [sum(side[at : at + CYCLES]) for at in range(0, len(side), CYCLES)]
        for name, side in zip(sides, turns, strict=True)
    }
    taken["peak"] = min((taken[f"peak.{each.products}"] for each in libraries), key=statistics.median)
    return taken


def measurements(taken: Mapping[str, list[float]], cores: int, name: str) -> Iterator[Measurement]:
    """What `seconds_of_rounds` comes to; `name` ends the metrics."""
    images, flop = CYCLES * BATCH, CYCLES * PRODUCTS_FLOP
    here = f"{cores} {'core' if cores == 1 else 'cores'}"
    for precision in ("", ".bf16"):
        fast, slow, peak = taken[f"fast{precision}"], taken["slow"], taken[f"peak{precision}"]
        yield Measurement(
            bench="pad", metric=f"pad.speedup{precision}{name}", value=median_ratio(slow, fast), unit="ratio",
            against="the algorithm as published in float32: three backwards in Wake, both heads and convolutions "
            f"throughout; {here}",
        )  # fmt: skip
        # Round by round, what the arithmetic alone takes over what the cycles took.
        floor = [seconds * images * CYCLE_FLOP / flop for seconds in peak]
        rate = flop / statistics.median(peak) / 1e9
        yield Measurement(
            bench="pad", metric=f"pad.floor_fraction{precision}{name}", value=median_ratio(floor, fast), unit="ratio",
            against=f"16 passes an image at the speed of the best matrix product, {rate:.0f} GFLOP/s; {here}",
        )  # fmt: skip
        yield _rate(f"pad.images_per_second{precision}{name}", fast)
    yield _rate(f"pad.plain_images_per_second{name}", taken["slow"])


def _rate(metric: str, seconds: list[float]) -> Measurement:
    return Measurement(bench="pad", metric=metric, value=CYCLES * BATCH / statistics.median(seconds), unit="images/s")
