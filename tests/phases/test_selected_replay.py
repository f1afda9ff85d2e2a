"""The selector: rewards by hand, choices by law, and an arm that pays."""

from dataclasses import replace

import pytest
import torch

from oneiros.core import Batch, Brain, Seeds
from oneiros.equations.selector import chi_square, choice_probabilities, correct_by_class, fit_reward, untaught
from oneiros.memory import ClassActivations, Images, Selector
from oneiros.nets import VGG, Architecture, cut, names_above
from oneiros.phases import CategoryReplay, SelectedReplay
from oneiros.phases.optim import TensorFlowAdam


def rng(seed: int = 0) -> torch.Generator:
    return Seeds(seed).rng("test")


def test_chi_square_by_hand():
    """Three of 5, none of 4 and all of 2: 4/5 + 16/4 + 0."""
    assert chi_square(torch.tensor([3.0, 0.0, 2.0]), torch.tensor([5.0, 4.0, 2.0])).item() == pytest.approx(4.8)
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.3, 0.2]])
    assert correct_by_class(scores, torch.tensor([0, 0, 0])).tolist() == [2.0, 0.0]


def test_the_reward_network_is_torchs_regression():
    """Against a linear layer, squared error and Adam in torch; with an epsilon this small the two forms agree."""
    net = torch.nn.Linear(3, 1).double()
    torch.nn.init.zeros_(net.weight)
    torch.nn.init.zeros_(net.bias)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01, eps=1e-12)
    mine = untaught(3)
    for chosen, reward in ((1, 2.0), (0, -1.0), (1, 0.5)):
        mine = fit_reward(mine, chosen, reward, fits=20, lr=0.01)
        heard = torch.nn.functional.one_hot(torch.tensor([chosen]), 3).double()
        for _ in range(20):
            optimiser.zero_grad()
            (net(heard) - reward).square().mean().backward()
            optimiser.step()
    theirs = torch.cat([net.weight[0], net.bias]).detach()
    assert torch.allclose(mine.parameters, theirs, atol=1e-4)


def test_choices_are_softmax_to_the_power_of_one_over_the_temperature():
    values = torch.tensor([0.1, 0.4, -0.2], dtype=torch.float64)
    expected = torch.softmax(values, 0) ** (1 / 0.3)
    assert torch.allclose(choice_probabilities(values, 0.3), expected / expected.sum())
    selector = Selector(3, fits=1)
    for label in range(3):
        selector.reward(label, 0.0)
    selector.net = selector.net._replace(parameters=torch.tensor([0.1, 0.4, -0.2, 0.0], dtype=torch.float64))
    drawn = torch.bincount(selector.choose(20_000, rng()), minlength=3) / 20_000
    assert torch.allclose(drawn.double(), expected / expected.sum(), atol=0.01)


def test_the_arm_that_pays_is_preferred():
    selector, stream = Selector(4, fits=50, lr=0.01), rng(7)
    for label in range(4):
        selector.reward(label, 0.0)
    for _ in range(150):
        label = int(selector.choose(1, stream))
        selector.reward(label, 1.0 if label == 2 else 0.0)
    assert selector.probabilities[2] > 0.6
    assert selector.probabilities.argmax() == 2


def test_a_restored_selector_chooses_and_learns_as_the_original():
    original, restored = Selector(3), Selector(3)
    original.reward(1, 2.0)
    restored.load_state_dict(original.state_dict())
    for selector in (original, restored):
        selector.reward(2, -1.0)
    assert torch.equal(original.net.parameters, restored.net.parameters)
    assert torch.equal(original.choose(9, rng(2)), restored.choose(9, rng(2)))
    assert restored.met.tolist() == [False, True, True]
    older = {name: value for name, value in original.state_dict().items() if name != "met"}
    restored.load_state_dict(older)  # of a life in which every class was tried in the first night
    assert restored.met.all()
    assert (len(restored), restored.nbytes > 0, Selector(3).nbytes) == (2, True, 0)
    with pytest.raises(RuntimeError, match="reward one batch of each class first"):
        Selector(3).choose(1, rng())


LESSON = Batch(x=torch.rand(18, 3, 8, 8, generator=torch.Generator().manual_seed(0)), y=torch.arange(18) % 3)


def brain_at_night() -> Brain:
    with Seeds(0).building("init"):
        net = VGG(Architecture(blocks=((3,), (4,)), head=(6,), size=8), 3)
    activations, held = ClassActivations(), Images()
    activations.store(Batch(x=cut(net, "features.pool1").below(LESSON.x).detach(), y=LESSON.y), rng())
    held.store(LESSON, rng())
    memory = {"activations": activations, "validation": held, "selector": Selector(3, fits=3)}
    return Brain(net=net, memory=memory, optim={"wake": TensorFlowAdam(net.parameters(), lr=0.5)})


def selected(net: VGG) -> SelectedReplay:
    inner = CategoryReplay(
        location="features.pool1", above=names_above(net, "features.pool1"), per_class=20, batch_size=6
    )
    return SelectedReplay(inner=inner, classes=3)


def test_a_night_has_as_many_batches_and_its_reward_is_what_chi_square_lost():
    brain = brain_at_night()
    phase = selected(brain.net)
    held = next(brain.memory["validation"].batches())
    chi = lambda: float(  # noqa: E731
        chi_square(correct_by_class(brain.net.eval()(held.x).detach(), held.targets()), torch.full((3,), 6.0))
    )
    before = chi()
    answer = phase(brain, rng())
    assert sum(float(answer[f"replayed:{label}"]) for label in range(3)) == 10
    assert float(answer["reward"]) == pytest.approx(before - chi(), abs=1e-5)
    assert len(brain.memory["selector"]) == 3 + 10


def test_trying_each_class_first_leaves_weights_and_optimiser_as_they_were():
    brain = brain_at_night()
    phase = selected(brain.net)
    parts, before = cut(brain.net, "features.pool1"), {k: v.clone() for k, v in brain.net.state_dict().items()}
    phase.inner(brain, rng())  # so that there are moments to restore
    before = {k: v.clone() for k, v in brain.net.state_dict().items()}
    moments = [state["m"].clone() for state in brain.optim["wake"].state.values()]
    phase._try_unmet(brain, parts, phase._held(brain, parts), rng())
    assert all(torch.equal(v, before[k]) for k, v in brain.net.state_dict().items())
    after = [state["m"] for state in brain.optim["wake"].state.values()]
    assert all(torch.equal(one, other) for one, other in zip(moments, after, strict=True))
    assert len(brain.memory["selector"]) == 3
    assert brain.optim["wake"].param_groups[0]["t"] == 10


def test_a_reward_can_look_at_a_few_images_of_each_class():
    brain = brain_at_night()
    phase = replace(selected(brain.net), rewarded=2)
    held = phase._held(brain, cut(brain.net, "features.pool1"))
    assert held.targets().tolist() == [0, 0, 1, 1, 2, 2]
    shown = next(brain.memory["validation"].batches())
    below = cut(brain.net, "features.pool1").below
    assert torch.allclose(held.x, below(shown.x[[0, 3, 1, 4, 2, 5]]).detach(), atol=1e-6)


def test_activations_that_are_held_reward_as_the_images_that_cause_them_do():
    """The layers below the location do not change: the same held out, as images or as activations, is one night."""
    images, activations = brain_at_night(), brain_at_night()
    kept = ClassActivations()
    shown = next(images.memory["validation"].batches())  # images are kept at 256 grey values
    kept.store(Batch(x=cut(activations.net, "features.pool1").below(shown.x).detach(), y=shown.y), rng())
    activations.memory["validation"] = kept
    told = [selected(brain.net)(brain, rng(3)) for brain in (images, activations)]
    assert torch.equal(images.net.classifier[0].weight, activations.net.classifier[0].weight)
    assert all(torch.equal(told[0][name], told[1][name]) for name in told[0])


def test_classes_that_come_later_are_tried_first_and_unknown_ones_never_chosen():
    brain = brain_at_night()
    everything = brain.memory["activations"]
    held = ClassActivations()
    brain.memory |= {"activations": ClassActivations(), "held": held}
    phase = replace(selected(brain.net), held="held")
    for label, tried in ((0, 1), (2, 1)):
        for memory in (brain.memory["activations"], held):
            memory.replace(label, everything.of_class(label))
        before = len(brain.memory["selector"])
        answer = phase(brain, rng(label))
        counts = [int(answer[f"replayed:{c}"]) for c in range(3)]
        assert len(brain.memory["selector"]) == before + tried + sum(counts)
        assert counts[1] == 0
    assert brain.memory["selector"].met.tolist() == [True, False, True]
    assert answer["reward"].isfinite()
    assert sum(counts) == -(-40 // 6)  # as long as a night of two classes


def test_it_says_which_memory_it_needs():
    brain = brain_at_night()
    brain.memory["validation"] = Selector(3)
    with pytest.raises(TypeError, match="'validation' is a Selector; expected an Images or a ClassActivations"):
        selected(brain.net)(brain, rng())
    brain = brain_at_night()
    brain.memory["selector"] = Images()
    with pytest.raises(TypeError, match="memory 'selector' is an Images; expected a Selector"):
        selected(brain.net)(brain, rng())
