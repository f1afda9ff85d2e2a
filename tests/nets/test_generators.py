"""Generators: where a ClassVAE draws codes from, against numpy; and nobody dreams before having learned."""

import numpy as np
import pytest
import torch
from torch import nn

from oneiros.core import Seeds
from oneiros.nets.generator import ClassGenerator, Generator, UntrainedError
from oneiros.nets.layers import MultiHead, Perceptron, SmallConvNet
from oneiros.nets.noise import GaussianNoise
from oneiros.nets.scholar import Scholar, Succession
from oneiros.nets.vae import JITTER, VAE, ClassVAE
from oneiros.nets.wgan import WGAN


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def class_vae(**changed) -> ClassVAE:
    with Seeds(0).building("init"):
        return ClassVAE((1, 4, 4), **(dict(classes=3, hidden=(8,), latent=2) | changed))


GENERATORS = {
    "vae": lambda: VAE((1, 4, 4), hidden=(8,), latent=2),
    "class-vae": class_vae,
    "wgan": lambda: WGAN((1, 4, 4), latent=3, width=2),
    "wgan connected": lambda: WGAN((7,), latent=3, width=2, convolutional=False),
}


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS.keys())
def test_an_untrained_generator_refuses_and_says_what_to_do(make):
    generator = make()
    assert isinstance(generator, Generator)
    with pytest.raises(UntrainedError, match="run its learning phase"):
        generator.sample(2, rng())


@pytest.mark.parametrize("name", ["vae", "wgan"])
def test_a_generator_that_knows_no_classes_refuses_labels(name):
    generator = GENERATORS[name]()
    generator.seen += 1
    assert not isinstance(generator, ClassGenerator)
    assert generator.eval().sample(3, rng()).x.shape == (3, 1, 4, 4)
    with pytest.raises(ValueError, match="knows no classes"):
        generator.sample(2, rng(), torch.tensor([0, 1]))


def test_the_prior_of_a_class_has_the_mean_and_covariance_of_its_codes():
    vae = class_vae().double()
    codes = torch.randn(500, 2, generator=rng(), dtype=torch.float64) @ torch.tensor([[2.0, 0.5], [0.0, 0.3]]).double()
    mode = torch.arange(500) % 3
    vae.note_codes(vae.code(codes + mode[:, None], mode), decay=0.9, real=True)
    mean, factor = vae.prior()
    for k in range(3):
        mine = (codes + mode[:, None])[mode == k].numpy()
        np.testing.assert_allclose(mean[k].numpy(), mine.mean(0), rtol=1e-10)
        covariance = np.cov(mine.T, bias=True) + JITTER * np.eye(2)
        np.testing.assert_allclose((factor[k] @ factor[k].T).numpy(), covariance, rtol=1e-8)


def test_moments_fade_only_for_the_modes_that_occur():
    vae = class_vae()
    first, second = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 0.0]])
    both = torch.cat([first, first])
    vae.note_codes(vae.code(both, torch.tensor([0, 1])), decay=0.5, real=True)
    vae.note_codes(vae.code(second, torch.tensor([0])), decay=0.5, real=True)
    mean, _ = vae.prior()
    assert mean[0, 0].item() == pytest.approx((0.5 * 1 + 3) / 1.5)
    assert mean[1, 0].item() == 1.0
    assert vae.mass.tolist() == [1.5, 1.0, 0.0]


def test_dreams_teach_moments_only_of_modes_that_life_has_not_taught():
    vae = class_vae()
    vae.note_codes(vae.code(torch.zeros(1, 2), torch.tensor([0])), decay=0.9, real=True)
    vae.note_codes(vae.code(torch.ones(2, 2), torch.tensor([0, 1])), decay=0.9, real=False)
    mean, _ = vae.prior()
    assert mean[0].tolist() == [0, 0]
    assert mean[1].tolist() == [1, 1]


def test_class_vae_dreams_of_what_it_is_asked_and_refuses_what_it_never_learned():
    vae = class_vae(groups=2)
    vae.seen += 4
    # Class 0 in both groups of tasks, class 2 in the second only.
    modes = torch.tensor([0, 3, 5, 5])
    vae.note_codes(vae.code(torch.randn(4, 2, generator=rng()), modes), decay=0.9, real=True)
    labels = torch.tensor([2, 0, 0, 2] * 50)
    asked = vae.sample(200, rng(), labels)
    assert torch.equal(asked.y, labels)
    mode = asked.z[:, 2:].argmax(1)
    assert set(mode[labels == 2].tolist()) == {5}
    assert set(mode[labels == 0].tolist()) == {0, 3}
    free = vae.sample(600, rng())
    assert torch.bincount(free.z[:, 2:].argmax(1), minlength=6)[[0, 3, 5]].min() > 150
    with pytest.raises(UntrainedError, match="class 1 was never learned; known classes: 0, 2"):
        vae.sample(1, rng(), torch.tensor([1]))
    # What it returns as code is all that its decoder needs to dream the same again.
    assert torch.equal(vae.decode(asked.z).sigmoid(), asked.x)


def test_a_dream_of_a_mode_with_one_code_is_that_code_decoded():
    """Limit: no spread leaves the class mean, up to the jitter."""
    vae = class_vae().double()
    vae.seen += 1
    code = torch.tensor([[0.3, -0.2]], dtype=torch.float64)
    vae.note_codes(vae.code(code, torch.tensor([1])), decay=0.9, real=True)
    dream = vae.sample(2000, rng(), torch.full((2000,), 1))
    assert torch.allclose(dream.z[:, :2].mean(0), code[0], atol=1e-3)
    assert dream.z[:, :2].std(0).max().item() == pytest.approx(JITTER**0.5, rel=0.1)


def test_grain_is_what_the_decoder_left_out_of_each_mode():
    """Residuals of known spread in one mode, none in another; dreams change nothing that life has taught."""
    vae = class_vae(grain=True).double()
    vae.seen += 1
    modes = torch.tensor([0, 1] * 3000)
    code = vae.code(torch.zeros(6000, 2, dtype=torch.float64), modes)
    spread = torch.linspace(0.1, 0.4, 16, dtype=torch.float64).view(1, 4, 4)
    left_out = (
        spread * torch.randn(6000, 1, 4, 4, generator=rng(), dtype=torch.float64) * (modes == 0).view(-1, 1, 1, 1)
    )
    vae.note_codes(code, decay=0.9, real=True)
    vae.note_grain(code, left_out, decay=0.9, real=True)
    vae.note_codes(code, decay=0.9, real=False)
    vae.note_grain(code, torch.ones_like(left_out), decay=0.9, real=False)
    dreams = vae.sample(6000, rng(), modes)
    grain = dreams.x - vae.decode(dreams.z).sigmoid()
    assert torch.allclose(grain[modes == 0].std(0), spread, rtol=0.1)
    assert grain[modes == 0].mean(0).abs().max() < 0.03
    assert not grain[modes == 1].any()
    assert "squared" not in class_vae().state_dict()


def test_noise_is_standard_normal_and_needs_no_learning():
    x = GaussianNoise((3, 4)).sample(5000, rng()).x
    assert x.shape == (5000, 3, 4)
    assert abs(x.mean().item()) < 0.02
    assert abs(x.std().item() - 1) < 0.02


def test_a_scholar_answers_as_its_solver_and_refuses_what_cannot_dream():
    with Seeds(0).building("init"):
        solver = Perceptron((16, 3))
    x = torch.rand(4, 1, 4, 4, generator=rng())
    assert torch.equal(Scholar(class_vae(), solver)(x), solver(x))
    with pytest.raises(TypeError, match="Perceptron is no generator"):
        Scholar(solver, solver)


def test_solvers_act_one_after_another_and_the_last_one_stays():
    with Seeds(0).building("init"):
        heirs = [Perceptron((16, 3)), SmallConvNet((1, 4, 4), 3, width=2)]
    chain, x = Succession(heirs), torch.rand(4, 1, 4, 4, generator=rng())
    for heir in (heirs[0], heirs[1], heirs[1]):
        assert torch.equal(chain(x), heir(x))
        chain.succeed()
    restored = Succession([Perceptron((16, 3)), SmallConvNet((1, 4, 4), 3, width=2)])
    restored.load_state_dict(chain.state_dict())
    assert torch.equal(restored(x), chain(x))


def test_heads_stand_side_by_side():
    with Seeds(0).building("init"):
        net = MultiHead(nn.Sequential(nn.Linear(16, 5), nn.ReLU()), 5, (3, 2))
    assert net.columns == ((0, 1, 2), (3, 4))
    x = torch.rand(4, 16, generator=rng())
    shared = net.trunk(x)
    assert torch.equal(net(x)[:, 3:], net.heads[1](shared))


@pytest.mark.parametrize("make", [lambda: SmallConvNet((1, 6, 8), 3), lambda: WGAN((1, 6, 8))])
def test_sides_that_strides_cannot_halve_twice_are_refused(make):
    with pytest.raises(ValueError, match="multiples of 4"):
        make()
