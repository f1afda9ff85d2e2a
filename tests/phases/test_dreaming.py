"""Wake, NREM and REM against the algorithm as published, and against what each must come down to in the limit."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.speed.pad import PlainDreaming, adam, build_brain, build_net, chances, fast_cycle
from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.dreaming import divergence, reconstruction, taken_for_internal
from oneiros.memory.mean_input import MeanInput
from oneiros.nets.dreaming import DreamingNet
from oneiros.phases import DreamingWake, ForgetLatents, LatentMix, Nrem, Rem, ZeroGradStep

SMALL = {"channels": 4, "latents": 8}


def small_net() -> DreamingNet:
    return build_net(torch.float64, **SMALL)


def images(step: int = 0, n: int = 6) -> Tensor:
    return torch.rand(n, 3, 32, 32, generator=Seeds(0).rng("images", step), dtype=torch.float64) * 2 - 1


def awake(steps: int = 2) -> tuple[Brain, DreamingNet]:
    """A brain that remembers its last two wake batches."""
    net = small_net()
    brain = build_brain(net)
    for step in range(steps):
        DreamingWake()(brain, Batch(x=images(step)), Seeds(0).rng("wake", step))
    return brain, net


def weights(net: torch.nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in net.named_parameters()}


def recent(brain: Brain) -> Tensor:
    return brain.memory["latents"].present


def distance(a: torch.nn.Module, b: torch.nn.Module) -> float:
    return max((p - q).abs().max().item() for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_five_fast_cycles_equal_five_plain_ones_at_full_width():
    fast, plain, seeds = build_net(torch.float64), PlainDreaming(net=build_net(torch.float64)), Seeds(3)
    brain, start = build_brain(fast), weights(fast)
    for step in range(5):
        x = images(step, n=4)
        fast_cycle(brain, x, seeds, step)
        plain.cycle(x, chances(seeds, step, (len(x), 256), torch.float64))
    assert distance(fast, plain.net) < 1e-10
    moved = max((p - start[name]).abs().max().item() for name, p in fast.named_parameters())
    assert moved > 1e-3, "nothing learned proves nothing"


def test_rem_s_one_backward_equals_two_separate_updates():
    """The encoder descends the loss and the generator ascends it, each computed by itself from the same weights."""
    brain, net = awake()
    Rem()(brain, Seeds(0).rng("rem"))
    twin, other = awake()
    z, old = twin.memory["latents"].state_dict().values()
    noise = torch.randn(z.shape, generator=Seeds(0).rng("rem"), dtype=z.dtype)
    mixed = 0.25 * z + 0.25 * old + 0.5 * noise

    def loss() -> Tensor:
        return taken_for_internal(other.encoder.score(other.encoder.features(other.generator(mixed))))

    judging = [p for name, p in other.encoder.named_parameters() if not name.startswith("latent")]
    dreaming = list(other.generator.parameters())
    down, up = torch.autograd.grad(loss(), judging), torch.autograd.grad(-loss(), dreaming)
    for part, optimiser in ((other.encoder, "encoder"), (other.generator, "generator")):
        part.zero_grad()
        gradients = dict(zip([*judging, *dreaming], [*down, *up], strict=True))
        for parameter in part.parameters():
            parameter.grad = gradients.get(parameter)
        twin.optim[optimiser].step()
    assert distance(net, other) < 1e-14


def test_without_occlusion_nrem_is_latent_reconstruction():
    brain, net = awake()
    z, before = recent(brain).clone(), weights(net.generator)
    wanted = reconstruction(net(net.generator(z)), z).item()
    answer = Nrem(probabilities=(0.0, 0.0))(brain, Seeds(0).rng("nrem"))
    assert answer["nrem"].item() == pytest.approx(wanted, rel=1e-12)
    assert all(torch.equal(before[name], p) for name, p in net.generator.named_parameters())


def test_wholly_covered_nrem_dreams_are_grey():
    brain, net = awake()
    z = recent(brain)
    wanted = reconstruction(net(torch.zeros(len(z), 3, 32, 32, dtype=z.dtype)), z).item()
    answer = Nrem(probabilities=(1.0, 1.0))(brain, Seeds(0).rng("nrem"))
    assert answer["nrem"].item() == pytest.approx(wanted, rel=1e-12)


def test_the_first_batch_of_an_epoch_is_mixed_without_old_memories():
    brain, _ = awake(steps=2)
    memory = brain.memory["latents"]
    ForgetLatents()(brain, Seeds(0).rng("forget"))
    assert len(memory) == 0
    DreamingWake()(brain, Batch(x=images(9)), Seeds(0).rng("wake", 9))
    z = recent(brain)
    mixed = LatentMix(memories=0.5, newest=0.5)(memory, Seeds(0).rng("mix"))
    noise = torch.randn(z.shape, generator=Seeds(0).rng("mix"), dtype=z.dtype)
    torch.testing.assert_close(mixed, 0.5 * z + 0.5 * noise, rtol=0, atol=1e-15)


def test_single_memories_are_replayed_as_they_were_and_draw_no_noise():
    brain, _ = awake()
    rng = Seeds(0).rng("replay")
    before = rng.get_state()
    assert torch.equal(LatentMix()(brain.memory["latents"], rng), recent(brain))
    assert torch.equal(rng.get_state(), before)


def test_wake_stores_the_latents_as_they_were_before_its_step():
    brain, net = awake(steps=0)
    z = net(images()).detach()
    DreamingWake()(brain, Batch(x=images()), Seeds(0).rng("wake"))
    torch.testing.assert_close(recent(brain), z, rtol=0, atol=1e-15)
    assert not torch.equal(net(images()), z)


@pytest.mark.parametrize(
    ("losses", "still"),
    [
        (("image", "kl"), ("encoder.judge.",)),
        (("kl",), ("encoder.judge.", "generator.")),
        (("real",), ("encoder.latent.", "generator.")),
        (("image", "kl", "real"), ()),
    ],
)
def test_each_loss_moves_what_it_reaches_and_no_more(losses, still):
    brain, net = awake(steps=1)  # so that Adam has momentum that could move the others
    before = weights(net)
    DreamingWake(losses=losses)(brain, Batch(x=images(1)), Seeds(0).rng("wake"))
    unmoved = {name for name, p in net.named_parameters() if torch.equal(p, before[name])}
    assert unmoved == {name for name in before if name.startswith(still)} if still else not unmoved
    assert DreamingWake(losses=losses).changes == tuple(
        prefix
        for prefix in ("encoder.trunk.", "encoder.latent.", "generator.", "encoder.judge.")
        if not prefix.startswith(still or "-")
    )


def test_noise_in_wake_reaches_the_generator_and_not_the_kl_term_or_the_memory():
    quiet, net = awake(steps=0)
    loud, _ = awake(steps=0)
    rng = Seeds(0).rng("wake")
    z = net(images()).detach()
    wanted = reconstruction(net.generator(z + 0.7 * torch.randn(z.shape, generator=rng, dtype=z.dtype)), images())
    answers = [
        DreamingWake(noise=noise)(brain, Batch(x=images()), Seeds(0).rng("wake"))
        for noise, brain in ((0.0, quiet), (0.7, loud))
    ]
    assert answers[1]["image"].item() == pytest.approx(wanted.item(), rel=1e-12)
    assert answers[0]["image"] != answers[1]["image"]
    assert answers[1]["kl"].item() == pytest.approx(divergence(z).item(), rel=1e-12)
    assert torch.equal(recent(quiet), recent(loud))


def test_nrem_s_weight_scales_gradients_and_not_the_loss_it_reports():
    answers, changes = [], []
    for phase in (Nrem(), Nrem(weight=0.5)):
        brain, net = awake()
        brain.optim["encoder"] = torch.optim.SGD(net.encoder.parameters(), lr=1.0)
        before = weights(net)
        answers.append(phase(brain, Seeds(0).rng("nrem"))["nrem"])
        changes.append({name: p.detach() - before[name] for name, p in net.named_parameters()})
    assert torch.equal(*answers)
    whole, half = changes
    for name, change in whole.items():
        torch.testing.assert_close(half[name], change / 2, rtol=1e-9, atol=1e-15)


def test_phantom_steps_equal_an_optimiser_that_is_given_zeros():
    """As torch 1.x stepped: after the first backward, parameters that a loss does not reach had zero gradients."""
    brain, net = awake()
    Nrem()(brain, Seeds(0).rng("nrem"))
    ZeroGradStep(parameters=("encoder.judge.",))(brain, Seeds(0).rng("phantom"))
    twin, other = awake()
    z = recent(twin)
    rng = Seeds(0).rng("nrem")
    with torch.no_grad():
        dream = other.generator(z) * Nrem()._mask(rng)
    twin.optim["encoder"].zero_grad(set_to_none=False)
    reconstruction(other(dream), z).backward()
    twin.optim["encoder"].step()
    assert distance(net, other) < 1e-15
    assert not torch.equal(net.encoder.judge.weight, awake()[1].encoder.judge.weight)


def test_a_phantom_step_of_what_never_had_a_gradient_does_nothing():
    brain, net = awake(steps=0)
    before = weights(net)
    ZeroGradStep(parameters=("encoder.",))(brain, Seeds(0).rng("phantom"))
    assert all(torch.equal(before[name], p) for name, p in net.named_parameters())
    with pytest.raises(ValueError, match="name none of DreamingNet's"):
        ZeroGradStep(parameters=("cortex.",))(brain, Seeds(0).rng("phantom"))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="expected some of"):
        DreamingWake(losses=())
    with pytest.raises(ValueError, match="expected a standard deviation"):
        DreamingWake(noise=-1.0)
    with pytest.raises(ValueError, match=r"weight > 0 \(leave the phase out"):
        replace(Nrem(), weight=0.0)
    with pytest.raises(ValueError, match="sizes within 1..32"):
        Nrem(sizes=(0, 8))
    with pytest.raises(ValueError, match="shares between 0 and 1"):
        LatentMix(memories=1.5)


def test_another_memory_or_net_is_refused_with_what_is_needed():
    brain, _ = awake()
    brain.memory["latents"] = MeanInput()
    with pytest.raises(TypeError, match="memory 'latents' is a MeanInput; expected a RecentLatents: give such a one"):
        Rem()(brain, Seeds(0).rng("rem"))
    other = torch.nn.Linear(1, 1)
    with pytest.raises(
        TypeError, match="the net is a Linear; expected a DreamingNet: give such a one, or use another phase"
    ):
        Nrem()(Brain(net=other, optim={"encoder": adam(other.parameters())}), Seeds(0).rng("nrem"))


WAITING = ("item", "tolist", "numpy", "cpu", "nonzero", "__bool__", "__float__", "__int__", "__index__")


def test_a_cycle_never_waits_for_a_number(monkeypatch):
    """What would make the host wait for a GPU is forbidden here; the loop and its consumers read at the epoch's end."""
    brain, _ = awake()

    def refuse(*arguments, **named):
        raise AssertionError("a phase asked for a number")

    for name in WAITING:
        monkeypatch.setattr(torch.Tensor, name, refuse)
    with pytest.raises(AssertionError, match="asked for a number"):
        bool(torch.ones(()))
    fast_cycle(brain, images(), Seeds(0), 0)
    ZeroGradStep(parameters=("encoder.",))(brain, Seeds(0).rng("phantom"))
