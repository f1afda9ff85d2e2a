"""An exact night: the joint solution after any order of days, scikit-learn's answers, and the limit of dreaming."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.covariance import OAS
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import NearestCentroid
from torch import nn

from oneiros.core import Batch, Brain, Seeds
from oneiros.memory.mean_input import MeanInput
from oneiros.memory.moments import ClassMoments, Moments
from oneiros.nets.features import GaussianHead
from oneiros.phases.bookkeeping.accumulate import Accumulate
from oneiros.phases.night.exact_heads import ClassMeans, Fecam, Gaussians, Lda, Ridge
from oneiros.phases.night.exact_night import ExactNight
from oneiros.phases.night.shrinkages import ByCrossValidation, ByEvidence, LikeliestCovariance, OracleApproximating

RNG = torch.Generator()


def examples(n: int = 400, d: int = 6, classes: int = 4) -> Batch:
    rng = torch.Generator().manual_seed(0)
    y = torch.randint(0, classes, (n,), generator=rng)
    mixing = torch.randn(d, d, generator=rng, dtype=torch.float64)
    centres = 2 * torch.randn(classes, d, generator=rng, dtype=torch.float64)
    return Batch(x=torch.randn(n, d, generator=rng, dtype=torch.float64) @ mixing + centres[y], y=y)


def moments(kind=Moments, batch: Batch | None = None):
    memory = kind()
    memory.store(batch or examples(), RNG)
    return memory


def scores(solved, x):
    return x @ solved.parameters["weight"].T + solved.parameters["bias"]


def numpy(batch: Batch):
    return batch.x.numpy(), batch.targets().numpy()


def brain(classes: int = 4) -> Brain:
    with Seeds(0).building("init"):
        net = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, classes)).double()
    return Brain(net=net, memory={"moments": Moments()})


@pytest.mark.parametrize("head", [Lda(), Lda(priors=True), Ridge(), ClassMeans()], ids=repr)
@pytest.mark.parametrize("days", [[[0, 1], [2, 3]], [[3], [1], [0], [2]], [[2, 0], [3, 1]]], ids=str)
def test_any_order_of_the_days_is_the_joint_solution(head, days):
    batch, joint, daily = examples(), brain(), brain()
    labels = batch.targets()
    day, night = Accumulate(location="1"), ExactNight(head=head, into="2")
    day(joint, batch, RNG)
    night(joint, RNG)
    for today in days:
        mine = torch.isin(labels, torch.tensor(today)).nonzero().flatten()
        for index in mine.split(16):
            day(daily, Batch(x=batch.x[index], y=labels[index]), RNG)
        night(daily, RNG)
    torch.testing.assert_close(daily.net(batch.x), joint.net(batch.x), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("priors", [True, False])
def test_lda_is_scikit_learns(priors):
    batch = examples()
    x, y = numpy(batch)
    reference = LinearDiscriminantAnalysis(solver="lsqr", priors=None if priors else np.full(4, 0.25)).fit(x, y)
    # Its covariance is the mean over all n examples if priors are their shares; ours over the degrees of freedom.
    ours = scores(Lda(shrinkage=0.0, priors=priors).solve(moments(), 4), batch.x).softmax(1).numpy()
    theirs = reference.predict_proba(x)
    assert (ours.argmax(1) == theirs.argmax(1)).mean() > 0.995
    assert np.abs(ours - theirs).max() < 0.05


def test_lda_with_one_covariance_known_by_hand():
    """Two classes at -1 and 1 whose examples lie 1 beside them: S = 4 / 2 and w = m / S."""
    batch = Batch(x=torch.tensor([[-2.0], [0.0], [0.0], [2.0]]).double(), y=torch.tensor([0, 0, 1, 1]))
    solved = Lda(shrinkage=0.0).solve(moments(batch=batch), 2)
    torch.testing.assert_close(solved.parameters["weight"].flatten(), torch.tensor([-0.5, 0.5]).double())
    torch.testing.assert_close(solved.parameters["bias"], torch.tensor([-0.25, -0.25]).double())


def test_units_of_features_do_not_matter():
    batch = examples()
    units = torch.tensor([1e-3, 1, 1e3, 1, 50, 1]).double()
    for head in (Lda(shrinkage=0.3), Ridge(penalty=0.1)):
        plain = scores(head.solve(moments(), 4), batch.x)
        scaled = Batch(x=batch.x * units, y=batch.y)
        torch.testing.assert_close(scores(head.solve(moments(batch=scaled), 4), scaled.x), plain)


def test_ridge_is_scikit_learns():
    batch = examples()
    x, y = numpy(batch)
    solved = Ridge(penalty=0.05).solve(moments(), 4)
    deviation = x.std(0)
    standard = (x - x.mean(0)) / (deviation * 400**0.5)
    alpha = 0.05 * np.diag(standard.T @ standard).mean()
    reference = SklearnRidge(alpha=alpha).fit(standard, np.eye(4)[y])
    np.testing.assert_allclose(scores(solved, batch.x).numpy(), reference.predict(standard), rtol=1e-6, atol=1e-8)


def test_class_means_are_scikit_learns_nearest_centroid():
    batch = examples()
    x, y = numpy(batch)
    ours = scores(ClassMeans().solve(moments(), 4), batch.x).argmax(1).numpy()
    assert (ours == NearestCentroid().fit(x, y).predict(x)).all()


def test_gaussians_are_scipys():
    batch = examples()
    x, y = numpy(batch)
    head = GaussianHead(6, 4).double()
    head.load_state_dict(dict(Gaussians(pooled=0.0, shrinkage=0.0).solve(moments(ClassMoments), 4).parameters))
    densities = [multivariate_normal(x[y == c].mean(0), np.cov(x[y == c].T)).logpdf(x) for c in range(4)]
    theirs = np.stack(densities, 1) + 3 * np.log(2 * np.pi)
    np.testing.assert_allclose(head(batch.x).detach().numpy(), theirs, rtol=1e-6, atol=1e-6)


def test_gaussians_with_one_covariance_are_lda():
    batch, head = examples(), GaussianHead(6, 4).double()
    head.load_state_dict(dict(Gaussians(pooled=1.0, shrinkage=0.0).solve(moments(ClassMoments), 4).parameters))
    linear = scores(Lda(shrinkage=0.0).solve(moments(), 4), batch.x)
    torch.testing.assert_close(head(batch.x).softmax(1), linear.softmax(1), rtol=1e-4, atol=1e-5)


def test_fecam_written_out_as_its_authors_have_it():
    batch = examples()
    x, y = numpy(batch)
    head = GaussianHead(6, 4, directions=True).double()
    head.load_state_dict(dict(Fecam().solve(moments(ClassMoments), 4).parameters))
    distances = []
    for c in range(4):
        covariance = np.cov(x[y == c].T)
        off = covariance[~np.eye(6, dtype=bool)].mean()
        covariance = covariance + np.diag(covariance).mean() * np.eye(6) + off * (1 - np.eye(6))
        spread = np.sqrt(np.diag(covariance))
        mean = x[y == c].mean(0)
        away = x / np.linalg.norm(x, axis=1, keepdims=True) - mean / np.linalg.norm(mean)
        distances.append(np.einsum("ni,ij,nj->n", away, np.linalg.pinv(covariance / np.outer(spread, spread)), away))
    np.testing.assert_allclose(-2 * head(batch.x).detach().numpy(), np.stack(distances, 1), rtol=1e-4, atol=1e-6)


def test_classes_that_were_never_seen_are_never_answered():
    batch = examples(classes=3)
    solved = Lda().solve(moments(batch=batch), 5)
    answer = scores(solved, batch.x)
    assert (answer[:, 3:] == -torch.inf).all()
    assert answer[:, :3].isfinite().all()


def test_a_head_trained_on_dreams_tends_to_the_exact_head():
    """The equation that links exact nights to category replay: cross-entropy on n dreams, against no dream at all."""
    batch = examples(d=3, classes=3)
    memory = moments(batch=batch)
    exact = scores(Lda(shrinkage=0.0).solve(memory, 3), batch.x).log_softmax(1).exp()
    gaps = []
    for n in (100, 1_000, 30_000):
        labels = torch.arange(n) % 3
        dreams = memory.imagine(labels, torch.Generator().manual_seed(1))
        gaps.append(float((_trained(dreams, 3)(batch.x.float()).softmax(1).double() - exact).square().mean().sqrt()))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.01
    assert gaps[0] > 3 * gaps[2], "the gap falls like the root of the number of dreams"


def _trained(dreams: Batch, classes: int) -> nn.Linear:
    """Multinomial regression to its minimum."""
    with Seeds(0).building("init"):
        head = nn.Linear(dreams.x.shape[1], classes)
    optimiser = torch.optim.LBFGS(head.parameters(), lr=1, max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(head(dreams.x), dreams.targets())
        loss.backward()
        return loss

    optimiser.step(closure)
    return head.requires_grad_(False)


def test_oracle_approximating_shrinkage_is_scikit_learns():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 8)) @ rng.normal(size=(8, 8))
    reference = OAS().fit(x)
    covariance = torch.from_numpy(np.cov(x.T, bias=True))
    # scikit-learn follows a later form, without the term 2 / d of Chen et al.'s Eq. 23.
    assert OracleApproximating(least=0.0)(covariance, 30.0) == pytest.approx(reference.shrinkage_, rel=0.25)


def test_cross_validation_from_sums_chooses_as_leaving_one_out_does():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 30))
    y = (x[:, 0] + 1.5 * rng.normal(size=60) > 0).astype(int)
    memory = moments(batch=Batch(x=torch.from_numpy(x), y=torch.from_numpy(y)))
    candidates = (1e-3, 1e-1, 10.0)
    chosen = Ridge(penalty=ByCrossValidation(candidates)).solve(memory, 2).shrinkage
    standard = (x - x.mean(0)) / x.std(0)
    alphas = [k * np.diag(standard.T @ standard).mean() for k in candidates]
    reference = RidgeCV(alphas=alphas).fit(standard, np.eye(2)[y])
    assert chosen == candidates[alphas.index(reference.alpha_)]


def test_evidence_penalises_noise_more_than_signal():
    rng = np.random.default_rng(2)
    x = torch.from_numpy(rng.normal(size=(200, 20)))
    noise = Batch(x=x, y=torch.from_numpy(rng.integers(0, 2, 200)))
    signal = Batch(x=x, y=(x[:, 0] > 0).long())
    rule = ByEvidence((1e-3, 1e-1, 10.0))
    chosen = [Ridge(penalty=rule).solve(moments(batch=each), 2).shrinkage for each in (noise, signal)]
    assert chosen[0] > chosen[1]


def test_evidence_shrinks_a_round_covariance_more_than_a_long_one():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(100, 5, generator=rng, dtype=torch.float64)
    long = x * torch.tensor([9.0, 3, 1, 0.5, 0.1]).double()
    rule = LikeliestCovariance((0.1, 0.3, 0.6))
    assert rule(x.T.cov(), 99.0) == 0.6
    assert rule(long.T.cov(), 99.0) == 0.1


def test_a_layer_that_is_not_there_and_a_memory_of_another_kind_are_said():
    with pytest.raises(KeyError, match=r"Sequential has no module 'relu'; there are 0, 1, 2"):
        Accumulate(location="relu")(brain(), examples(), RNG)
    wrong = brain()
    wrong.memory["moments"] = MeanInput()
    with pytest.raises(TypeError, match="Moments"):
        ExactNight(into="2")(wrong, RNG)
    with pytest.raises(TypeError, match="needs a ClassMoments memory, got Moments"):
        Gaussians().solve(moments(), 4)


def test_a_head_of_another_size_is_said():
    small = brain()
    Accumulate(location="0")(small, examples(), RNG)
    small.net[2] = nn.Linear(7, 4)
    with pytest.raises(ValueError, match=r"'2' is a Linear with .*\(4, 7\).* solved .*\(4, 10\)"):
        ExactNight(into="2")(small, RNG)
    small.net[2] = nn.Linear(10, 4, bias=False)
    with pytest.raises(ValueError, match="Linear without a bias"):
        ExactNight(into="2")(small, RNG)


@pytest.mark.parametrize("rule", [ByEvidence(), ByCrossValidation()])
def test_penalties_below_the_rounding_of_the_sums_are_left_out(rule):
    """By hand: rounding left X'X an eigenvalue of -1e-4; penalties from 1e-3 of the mean on mend that."""
    gram = torch.diag(torch.tensor([1.0, -1e-4], dtype=torch.float64))
    cross, counts = torch.tensor([[-0.5, 0.5], [0.0, 0.0]], dtype=torch.float64), torch.full((2,), 2.0).double()
    assert rule(gram, cross, counts) >= 1e-3
    hopeless = torch.diag(torch.tensor([1.0, -0.9], dtype=torch.float64))
    assert rule(hopeless, cross, counts) == pytest.approx(0.1)
