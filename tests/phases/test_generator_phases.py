"""Days of generators, against steps written out with autograd."""

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.generative import kl_to_standard_normal, reconstruction
from oneiros.memory.frozen_scholar import FrozenScholar
from oneiros.nets.layers import Perceptron
from oneiros.nets.scholar import Scholar
from oneiros.nets.vae import VAE, ClassVAE
from oneiros.nets.wgan import WGAN
from oneiros.phases.bookkeeping.handover import SnapshotTeacher
from oneiros.phases.wake.learn_class_vae import LearnClassVAE
from oneiros.phases.wake.learn_vae import LearnVAE
from oneiros.phases.wake.learn_wgan import LearnWGAN

X = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
LESSON = Batch(x=X, y=torch.arange(8) % 2)


def brain_of(make, rate: float = 0.1) -> Brain:
    with Seeds(0).building("init"):
        net = Scholar(make(), Perceptron((16, 3)))
    parts = {"generator": net.generator}
    if isinstance(net.generator, WGAN):
        parts = {"generator": net.generator.painter, "critic": net.generator.critic}
    optim = {name: torch.optim.SGD(part.parameters(), lr=rate) for name, part in parts.items()}
    return Brain(net=net, memory={"scholar": FrozenScholar(net)}, optim=optim)


def vae() -> VAE:
    return VAE((1, 4, 4), hidden=(6,), latent=2)


def class_vae() -> ClassVAE:
    return ClassVAE((1, 4, 4), classes=3, hidden=(6,), latent=2)


def test_a_vae_descends_the_weighted_evidence_bound():
    ours, theirs = brain_of(vae), brain_of(vae)
    weight = torch.arange(1.0, 9.0) / 36
    answer = LearnVAE(beta=0.5)(ours, Batch(x=X, weight=weight), Seeds(0).rng("day"))
    net = theirs.net.generator
    mean, log_variance = net.encode(X)
    z = mean + (log_variance / 2).exp() * torch.randn(8, 2, generator=Seeds(0).rng("day"))
    loss = weight @ (reconstruction(net.decode(z), X) + 0.5 * kl_to_standard_normal(mean, log_variance))
    loss.backward()
    theirs.optim["generator"].step()
    assert (answer["reconstruction"] + 0.5 * answer["kl"]).item() == pytest.approx(loss.item(), rel=1e-5)
    for a, b in zip(ours.net.generator.parameters(), net.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert int(ours.net.generator.seen) == 8


def test_a_pupil_that_is_its_teacher_is_not_moved_by_its_own_dreams():
    """Limit: on a quiet day the only loss is the distance to the former decoder, and its gradient is zero."""
    brain = brain_of(class_vae)
    LearnClassVAE()(brain, LESSON, Seeds(0).rng("day"))
    SnapshotTeacher()(brain, Seeds(0).rng("night"))
    brain.age = 1
    before = [p.clone() for p in brain.net.generator.parameters()]
    prior = brain.net.generator.prior()
    quiet = Batch(x=X[:0], y=LESSON.y[:0])
    LearnClassVAE(replayed=32)(brain, quiet, Seeds(0).rng("day 2"))
    for a, b in zip(before, brain.net.generator.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(prior, brain.net.generator.prior(), strict=True))


def test_old_classes_are_taught_as_a_function_beside_new_ones():
    """Eq. 1's shares: with r = 0 only the teacher counts, and an empty pupil comes to dream as the teacher does."""
    brain = brain_of(class_vae, rate=0.02)
    brain.optim["generator"] = torch.optim.Adam(brain.net.generator.parameters(), lr=0.02)
    learn = LearnClassVAE(replayed=32, ratio=0.0)
    for step in range(200):
        LearnClassVAE()(brain, LESSON, Seeds(0).rng("day", step))
    SnapshotTeacher()(brain, Seeds(0).rng("night"))
    brain.age = 1
    codes = brain.memory["scholar"].recall(64, Seeds(0).rng("codes"))

    def distance() -> float:
        return (brain.net.generator.decode(codes.z).sigmoid() - codes.x).abs().mean().item()

    with torch.no_grad():
        for parameter in brain.net.generator.decoder.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=Seeds(0).rng("damage")))
    damaged = distance()
    for step in range(200):
        learn(brain, Batch(x=X, y=LESSON.y + 1), Seeds(0).rng("day 2", step))
    assert distance() < 0.1 * damaged


def test_it_refuses_dreams_without_codes_and_generators_of_other_kinds():
    brain = brain_of(class_vae)
    brain.memory["scholar"] = brain_of(vae).memory["scholar"]
    other = brain_of(vae)
    other.net.generator.seen += 1
    brain.memory["scholar"].take(other.net)
    with pytest.raises(ValueError, match="the memory must hold a ClassVAE of this size"):
        LearnClassVAE()(brain, LESSON, Seeds(0).rng("day"))
    for phase in (LearnVAE(), LearnWGAN()):
        with pytest.raises(TypeError, match="the generator of a Scholar is a ClassVAE; expected a "):
            phase(brain, LESSON, Seeds(0).rng("day"))
    with pytest.raises(TypeError, match="the generator of a Scholar is a VAE; expected a ClassVAE"):
        LearnClassVAE()(other, LESSON, Seeds(0).rng("day"))


def wgan() -> WGAN:
    return WGAN((1, 4, 4), latent=3, width=2)


def test_the_critic_moves_always_and_the_painter_after_every_third_update():
    brain, phase = brain_of(wgan, rate=0.01), LearnWGAN(critic_steps=3, lazy=2)
    moved = {"painter": [], "critic": []}
    for step in range(6):
        before = {part: [p.clone() for p in getattr(brain.net.generator, part).parameters()] for part in moved}
        phase(brain, Batch(x=X), Seeds(0).rng("day", step))
        for part, old in before.items():
            now = getattr(brain.net.generator, part).parameters()
            moved[part].append(any(not torch.equal(a, b) for a, b in zip(old, now, strict=True)))
    assert moved["critic"] == [True] * 6
    assert moved["painter"] == [False, False, True] * 2


def test_a_critics_step_without_penalty_is_the_gradient_of_the_weighted_distance():
    ours, theirs = brain_of(wgan), brain_of(wgan)
    weight = torch.arange(1.0, 9.0) / 36
    answer = LearnWGAN(penalty=0.0)(ours, Batch(x=X, weight=weight), Seeds(0).rng("day"))
    gan = theirs.net.generator
    fake = gan.paint(gan.noise(8, Seeds(0).rng("day"))).detach()
    distance = weight @ gan.judge(X) - gan.judge(fake).mean()
    (-distance).backward()
    theirs.optim["critic"].step()
    assert answer["wasserstein"].item() == pytest.approx(distance.item(), rel=1e-4, abs=1e-6)
    for a, b in zip(ours.net.generator.critic.parameters(), gan.critic.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_the_painter_learns_to_paint_what_is_shown():
    """Images of one grey value: painted brightness comes from about a half to near it."""
    brain = brain_of(wgan)
    gan = brain.net.generator
    brain.optim = {
        "generator": torch.optim.Adam(gan.painter.parameters(), lr=0.01, betas=(0.0, 0.9)),
        "critic": torch.optim.Adam(gan.critic.parameters(), lr=0.01, betas=(0.0, 0.9)),
    }
    dark = Batch(x=torch.full((16, 1, 4, 4), 0.1))
    for step in range(240):
        LearnWGAN()(brain, dark, Seeds(0).rng("day", step))
    gan.eval()
    assert gan.sample(64, Seeds(0).rng("night")).x.mean().item() == pytest.approx(0.1, abs=0.08)
