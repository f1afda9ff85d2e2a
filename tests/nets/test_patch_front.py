"""The learned front: deterministic, blind to units and labels, and better than chance filters on real digits."""

import pytest
import torch

from oneiros.core import Batch, Seeds
from oneiros.data import load
from oneiros.memory.moments import Moments
from oneiros.nets.patch_front import PatchFront
from oneiros.phases.night.exact_heads import Lda


def images(n: int = 60, c: int = 1, side: int = 12) -> torch.Tensor:
    """Smooth noise."""
    x = torch.rand(n, c, side, side, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1)


def learned(x: torch.Tensor, **settings) -> PatchFront:
    front = PatchFront(x.shape[1], **(dict(filters=9, side=5, grid=2) | settings))
    front.learn(x, Seeds(0).rng("front"))
    return front


@pytest.mark.parametrize(("c", "settings"), [(1, {}), (3, {"stride": 2, "padding": 1}), (3, {"mirrored": True})])
def test_it_gives_as_many_features_as_it_says_and_the_same_for_the_same_rng(c, settings):
    x = images(c=c)
    first, second = (learned(x, **settings) for _ in range(2))
    assert torch.equal(first(x), second(x))
    assert first(x).shape == (60, first.features)
    assert (first(x).std(0) > 0).all()


def test_double_precision_takes_the_equation_and_agrees():
    x = images()
    front = learned(x)
    torch.testing.assert_close(front.double()(x.double()).float(), learned(x)(x), rtol=1e-4, atol=1e-5)


def test_units_of_the_images_do_not_matter():
    x = images()
    torch.testing.assert_close(learned(255 * x)(255 * x), learned(x)(x), rtol=1e-3, atol=1e-4)


def test_a_mirrored_front_answers_an_image_and_its_mirror_image_alike():
    x = images(c=3)
    front = learned(x, mirrored=True)
    torch.testing.assert_close(front(x.flip(3)), front(x))
    assert not torch.allclose(learned(x)(x.flip(3)), learned(x)(x))


def test_a_front_that_learned_nothing_and_images_that_do_not_fit_are_said():
    front = PatchFront(1)
    with pytest.raises(RuntimeError, match="no filters yet"):
        front(images())
    with pytest.raises(ValueError, match="every patch is flat"):
        front.learn(torch.ones(5, 1, 12, 12), Seeds(0).rng("front"))
    with pytest.raises(ValueError, match=r"images are \(3, 12, 12\); this front needs 1 channels"):
        learned(images())(images(c=3))


def test_an_exported_front_and_one_that_is_differentiated_give_the_same():
    x = images()
    front = learned(x)
    exported = torch.export.export(front, (x,)).module()
    torch.testing.assert_close(exported(x), front(x), rtol=1e-4, atol=1e-5)
    wanted = x.clone().requires_grad_()
    torch.testing.assert_close(front(wanted).detach(), front(x), rtol=1e-4, atol=1e-5)
    front(wanted).sum().backward()
    assert wanted.grad is not None


def test_state_dict_carries_what_was_learned():
    x = images()
    front, copy = learned(x), PatchFront(1, 9, side=5, grid=2)
    copy.load_state_dict(front.state_dict())
    assert copy.learned
    assert torch.equal(copy(x), front(x))


def test_an_exact_head_over_it_reads_digits_that_pixels_do_not_give_away():
    data, rng = load("digits"), Seeds(0).rng("front")
    train, test = data.train.all(), data.test.all()
    front = PatchFront(train.x.shape[1], 40, side=4, grid=2, padding=1)
    front.learn(train.x, rng)
    accuracy = {}
    for name, features in {"pixels": lambda x: x.flatten(1), "front": front}.items():
        memory = Moments()
        memory.store(Batch(x=features(train.x), y=train.y), rng)
        solved = Lda(shrinkage=0.01).solve(memory, 10).parameters
        scores = features(test.x).double() @ solved["weight"].T + solved["bias"]
        accuracy[name] = float((scores.argmax(1) == test.targets()).double().mean())
    assert accuracy["front"] > 0.97
    assert accuracy["front"] > accuracy["pixels"] + 0.02
