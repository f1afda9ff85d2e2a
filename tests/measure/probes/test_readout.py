"""Linear readouts against a library's and in limits."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from oneiros.core import Seeds
from oneiros.measure.probes.readout import Readout, ridge_readout, sgd_readout


def blobs(n: int = 300, d: int = 5, spread: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = Seeds(0).rng("blobs")
    y = torch.arange(n) % 3
    centres = torch.randn(3, d, generator=rng)
    return centres[y] + spread * torch.randn(n, d, generator=rng), y


def test_ridge_solves_what_sklearn_solves():
    z, y = blobs()
    ours = ridge_readout(z, y, 3, penalty=0.3)
    wide = z.double()
    mean, sd = wide.mean(0), wide.std(0)
    theirs = Ridge(alpha=0.3 * len(z)).fit(((wide - mean) / sd).numpy(), torch.eye(3)[y].double().numpy())
    torch.testing.assert_close(ours.weight, torch.from_numpy(theirs.coef_) / sd, rtol=1e-8, atol=1e-10)
    level = torch.from_numpy(theirs.intercept_) - ours.weight @ mean
    torch.testing.assert_close(ours.bias, level, rtol=1e-8, atol=1e-10)


def test_ridge_does_not_mind_the_scale_of_a_latent_or_one_that_never_changes():
    z, y = blobs()
    scaled = torch.cat([1000 * z[:, :1], z[:, 1:], torch.ones(len(z), 1)], 1)
    first, second = ridge_readout(z, y, 3, penalty=0.01), ridge_readout(scaled, y, 3, penalty=0.01)
    assert torch.equal(first(z), second(scaled))


def test_one_step_of_sgd_by_hand():
    """One latent, two classes, one batch of two: W and b move by -rate / 2 of the summed errors."""
    z, y = torch.tensor([[1.0], [3.0]], dtype=torch.float64), torch.tensor([0, 1])
    rng = Seeds(0).rng("sgd")
    got = sgd_readout(z, y, 2, rng, epochs=1, rate=0.2)
    start = 2 * torch.rand(2, 2, generator=Seeds(0).rng("sgd"), dtype=torch.float64) - 1
    layer = torch.nn.Linear(1, 2).double()
    with torch.no_grad():
        layer.weight.copy_(start[:, :1])
        layer.bias.copy_(start[:, 1])
    torch.nn.functional.cross_entropy(layer(z), y).backward()
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    torch.testing.assert_close(got.weight, (layer.weight - 0.2 * layer.weight.grad).detach())
    torch.testing.assert_close(got.bias, (layer.bias - 0.2 * layer.bias.grad).detach())


def test_sgd_ends_near_the_logistic_regression_it_descends_to():
    z, y = blobs(spread=1.5)
    ours = sgd_readout(z, y, 3, Seeds(0).rng("sgd"), epochs=60, rate=0.05)
    theirs = LogisticRegression(C=1e6, max_iter=2000).fit(z.numpy(), y.numpy())
    assert ours.accuracy(z, y) == pytest.approx(theirs.score(z.numpy(), y.numpy()), abs=0.03)


def test_the_same_rng_gives_the_same_readout():
    z, y = blobs()
    first, second = (sgd_readout(z, y, 3, Seeds(1).rng("sgd"), epochs=2) for _ in range(2))
    assert torch.equal(first.weight, second.weight)


def test_accuracy_is_the_share_of_right_answers():
    readout = Readout(torch.eye(2), torch.zeros(2))
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [0.0, 3.0]])
    assert readout.accuracy(z, torch.tensor([0, 1, 1, 1])) == 0.75
