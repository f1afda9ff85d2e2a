"""The networks, data and loops that people have: each works, or is refused at the first lesson with what to do."""

import copy
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, IterableDataset

from oneiros.core import Seeds
from oneiros.nets import lend_dropout
from oneiros.sleeper import (
    AtLayer,
    ExactNights,
    NoSleep,
    Rehearsal,
    Sleeper,
    SpikeReplay,
)
from tests.sleeper.mechanisms import DREAMS, EXAMPLES, LAYER, SPIKES

AUTO = EXAMPLES["automatic"]
every_mechanism = pytest.mark.parametrize("mechanism", EXAMPLES.values(), ids=EXAMPLES.keys())


def mlp(inputs: int = 64, classes: int = 4) -> nn.Sequential:
    with Seeds(0).building("net"):
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, classes))


def lesson(day: int = 0, n: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(day)
    return torch.rand(n, 1, 8, 8, generator=rng), torch.arange(n) % 2 + 2 * day


def two_days(sleeper: Sleeper, of=lesson, context=None) -> list[torch.Tensor]:
    """Lives two days in anybody's loop; the losses."""
    optimiser = torch.optim.SGD(sleeper.net.parameters(), lr=0.01)
    losses = []
    for day in range(2):
        for _ in range(2):
            optimiser.zero_grad()
            if context is None:
                loss = sleeper.loss(*of(day))
            else:
                with context():
                    loss = sleeper.loss(*of(day))
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        if context is None:
            sleeper.sleep()
        else:
            with context():
                sleeper.sleep()
    assert all(loss.isfinite() for loss in losses)
    return losses


# outputs


@dataclass
class Output:
    logits: torch.Tensor
    hidden: torch.Tensor


FORMS = {
    "dataclass": lambda scores: Output(scores, scores),
    "dict": lambda scores: {"hidden": scores, "logits": scores},
    "tuple": lambda scores: (scores, scores),
}


class Answering(nn.Module):
    def __init__(self, form, inner: nn.Module):
        super().__init__()
        self.form, self.inner = form, inner

    def forward(self, x):
        return self.form(self.inner(x))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("mechanism", [AUTO, NoSleep(), DREAMS, Rehearsal(per_class=3, replayed=4)], ids=str)
def test_outputs_in_any_form_give_the_losses_of_a_plain_network(form, mechanism):
    ours, plain = Sleeper(Answering(form, mlp()), mechanism), Sleeper(mlp(), mechanism)
    assert torch.equal(torch.stack(two_days(ours)), torch.stack(two_days(plain)))
    x, _ = lesson(1)
    assert torch.equal(ours.scores(x), plain.scores(x))
    assert torch.equal(ours.model()(x), ours.scores(x))


@pytest.mark.parametrize("mechanism", [LAYER, EXAMPLES["selected"], SPIKES], ids=["layer", "selected", "spikes"])
def test_mechanisms_that_act_inside_the_network_refuse_other_outputs(mechanism):
    with pytest.raises(TypeError, match="acts inside the network, .* a module around it that returns `.logits`"):
        Sleeper(Answering(FORMS["dict"], mlp()), mechanism).loss(*lesson())


def test_an_output_without_scores_is_refused():
    with pytest.raises(TypeError, match="Answering gives a dict; expected scores .* or something with `logits`"):
        Sleeper(Answering(lambda scores: {"hidden": scores}, mlp()), AUTO).loss(*lesson())


# inputs


class Words(nn.Module):
    """Token ids, and a mask of those that count."""

    def __init__(self):
        super().__init__()
        with Seeds(0).building("net"):
            self.embedding, self.head = nn.Embedding(50, 6), nn.Linear(6, 4)

    def forward(self, input_ids, attention_mask=None):
        assert input_ids.dtype == torch.int64
        if attention_mask is None:
            return self.head(self.embedding(input_ids).mean(1))
        assert attention_mask.dtype == torch.bool
        counted = attention_mask[..., None].float()
        return {"logits": self.head((self.embedding(input_ids) * counted).sum(1) / counted.sum(1).clamp(min=1))}


def words(day: int, n: int = 16):
    rng = torch.Generator().manual_seed(day)
    return torch.randint(50, (n, 5), generator=rng), torch.arange(n) % 2 + 2 * day


def masked_words(day: int, n: int = 16):
    ids, y = words(day, n)
    return {"input_ids": ids, "attention_mask": ids % 3 > 0}, y


@pytest.mark.parametrize("of", [words, masked_words], ids=["token ids", "mapping"])
@pytest.mark.parametrize("mechanism", [AUTO, NoSleep(), Rehearsal(per_class=3, replayed=4)], ids=str)
def test_token_ids_and_mappings_reach_the_network_as_they_are(of, mechanism):
    net = Words()
    sleeper = Sleeper(net, mechanism)
    x, y = of(0)
    expected = net(**x)["logits"] if isinstance(x, dict) else net(x)
    scores = sleeper.lesson(x, y).scores
    assert torch.equal(scores, expected)
    sleeper.sleep()
    two_days(Sleeper(Words(), mechanism), of)
    answer = sleeper.model()
    assert torch.equal((answer(**x) if isinstance(x, dict) else answer(x)), sleeper.scores(x))


@pytest.mark.parametrize("mechanism", [DREAMS, LAYER, SPIKES], ids=["dreams", "layer", "spikes"])
def test_mechanisms_that_dream_of_inputs_or_cut_the_network_refuse_token_ids(mechanism):
    with pytest.raises(TypeError, match=r"needs one tensor of floating point numbers .* use Sleeper\(net\)"):
        Sleeper(Words(), mechanism).loss(*words(0))


def test_several_inputs_in_order():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = mlp(inputs=128)

        def forward(self, left, right):
            return self.inner(torch.cat([left.flatten(1), right.flatten(1)], 1))

    sleeper = Sleeper(Two(), AUTO)
    two_days(sleeper, lambda day: ((lesson(day)[0], lesson(day)[0] / 2), lesson(day)[1]))
    x, _ = lesson()
    assert sleeper.predict((x, x / 2)).shape == (16,)
    with pytest.raises(ValueError, match=r"inputs are 0 \(1, 8, 8\); the first lesson's were 0 \(1, 8, 8\), 1"):
        sleeper.loss((x,), lesson()[1])


def test_sequences_of_another_length_are_refused():
    sleeper = Sleeper(Words(), AUTO)
    sleeper.loss(*words(0))
    with pytest.raises(ValueError, match="pad all to one length"):
        sleeper.loss(torch.zeros(4, 7, dtype=torch.int64), torch.arange(4))


def test_a_packed_life_is_resumed():
    first = Sleeper(Words(), AUTO)
    two_days(first, masked_words)
    second = Sleeper(Words(), AUTO)
    second.load_state_dict(first.state_dict())
    x, y = masked_words(1)
    assert torch.equal(first.scores(x), second.scores(x))
    assert torch.equal(first.loss(x, y), second.loss(x, y))


# number types


@pytest.mark.parametrize(
    "mechanism", [*EXAMPLES.values(), ExactNights(features=AtLayer("2"))], ids=[*EXAMPLES, "exact at a layer"]
)
def test_double_precision_stays_double(mechanism):
    if mechanism in (LAYER, EXAMPLES["selected"]):
        with pytest.raises(
            TypeError, match=r"LayerReplay keeps and replays activations in single precision: net.float"
        ):
            Sleeper(mlp().double(), mechanism).loss(*lesson())
        return
    net = mlp().double()
    sleeper = Sleeper(net, mechanism, classes=4)
    two_days(sleeper, lambda day: (lesson(day)[0].double(), lesson(day)[1]))
    assert sleeper.predict(lesson()[0].double()).shape == (16,)
    exact = lesson()[0].double() + 1e-12
    assert torch.equal(Sleeper(net, NoSleep()).lesson(exact, lesson()[1]).scores, net(exact))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mechanism", [AUTO, NoSleep(), DREAMS, Rehearsal(per_class=3, replayed=4)], ids=str)
def test_half_precision_networks(dtype, mechanism):
    net = mlp().to(dtype)
    two_days(Sleeper(net, mechanism))
    assert net[1].weight.dtype == dtype


@pytest.mark.parametrize("mechanism", [LAYER, SPIKES], ids=["layer", "spikes"])
def test_half_precision_is_refused_by_mechanisms_inside_the_network(mechanism):
    with pytest.raises(TypeError, match=r"net.float\(\) with torch.autocast by day"):
        Sleeper(mlp().bfloat16(), mechanism).loss(*lesson())


@every_mechanism
def test_autocast_by_day_and_at_night(mechanism):
    two_days(Sleeper(mlp(), mechanism), context=lambda: torch.autocast("cpu", torch.bfloat16))


@every_mechanism
def test_a_compiled_network_is_named_as_before(mechanism):
    plain, compiled = Sleeper(mlp(), mechanism), Sleeper(torch.compile(mlp(), backend="eager"), mechanism)
    torch.testing.assert_close(torch.stack(two_days(compiled)), torch.stack(two_days(plain)))


# heads and losses


@pytest.mark.parametrize("mechanism", [AUTO, NoSleep(), Rehearsal(per_class=3, replayed=4)], ids=str)
def test_a_head_that_grows(mechanism):
    net = mlp(classes=2)
    sleeper = Sleeper(net, mechanism)
    sleeper.loss(*lesson(0)).backward()
    sleeper.sleep()
    wider = nn.Linear(8, 4)
    with torch.no_grad():
        wider.weight[:2], wider.bias[:2] = net[3].weight, net[3].bias
    with pytest.raises(ValueError, match="label 2 in row 0 is outside classes 0 to 1"):
        sleeper.loss(*lesson(1))
    net[3] = wider
    two_days(sleeper, lambda day: lesson(1))
    assert sleeper.classes == 4
    assert sleeper.scores(lesson()[0]).shape == (16, 4)
    other = Sleeper(copy.deepcopy(net), mechanism)
    other.load_state_dict(sleeper.state_dict())
    assert torch.equal(other.scores(lesson()[0]), sleeper.scores(lesson()[0]))


def test_a_head_that_grows_is_refused_by_who_was_built_for_its_size():
    net = mlp(classes=2)
    sleeper = Sleeper(net, DREAMS)
    sleeper.loss(*lesson(0))
    net[3] = nn.Linear(8, 4)
    with pytest.raises(ValueError, match="has 4 scores now, but GenerativeReplay was built for 2"):
        sleeper.loss(*lesson(1))


def test_an_own_criterion_with_class_weights_and_label_smoothing():
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 1.0, 1.0]), label_smoothing=0.1)
    net = mlp()
    x, y = lesson()
    loss = Sleeper(net, NoSleep(), criterion=criterion).loss(x, y)
    assert torch.equal(loss, criterion(net(x), y))
    automatic = Sleeper(net, AUTO, criterion=criterion)
    loss = automatic.loss(x, y)
    kept = ~automatic.attachments[0].brain.memory["today"].held(automatic._understood(x, y))
    assert 0 < int(kept.sum()) < 16
    torch.testing.assert_close(loss, criterion(net(x)[kept], y[kept]))
    with pytest.raises(ValueError, match="expected one number: reduction='mean'"):
        Sleeper(net, NoSleep(), criterion=nn.CrossEntropyLoss(reduction="none")).loss(x, y)


@every_mechanism
def test_scores_come_back_beside_the_loss(mechanism):
    net = mlp()
    x, y = lesson()
    told = Sleeper(net, mechanism, classes=4).lesson(x, y)
    assert torch.equal(told.scores, net(x))
    assert told.scores.requires_grad
    if mechanism is not AUTO:
        assert torch.equal(told.loss, cross_entropy(told.scores, y))


def test_dropout_above_a_replayed_layer_is_refused_at_the_first_lesson():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 4))
    with pytest.raises(TypeError, match=r"oneiros.nets.lend_dropout\(net\) before the Sleeper is made"):
        Sleeper(net, LAYER).loss(*lesson())


def test_dropout_that_is_lent_works_above_a_replayed_layer():
    """What the refusal says to do."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 4))
    two_days(Sleeper(lend_dropout(net), LAYER, classes=4))


def test_a_conv_net_is_no_chain_of_matrices_whatever_its_sizes():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Flatten(), nn.Linear(64, 4))
    mechanism = SpikeReplay(layers=("2.weight",), steps=1, rate=1.0, gains=(1.0,), inc=(0.0,), dec=(0.0,))
    with pytest.raises(ValueError, match="0.weight is .1, 1, 3, 3., whose outputs a night would take for the inputs"):
        Sleeper(net, mechanism).loss(*lesson())


# data


class Drawn(Dataset):
    """Noisy anew whenever it is asked."""

    def __init__(self, form=lambda x, y: (x, y)):
        self.x, self.y = lesson()
        self.form, self.asked = form, []

    def __len__(self):
        return len(self.y)

    def __getitem__(self, index):
        self.asked.append(index)
        return self.form(self.x[index] + len(self.asked), self.y[index])


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(*lesson(), strict=True)


def steps(day, epochs: int = 2, batch_size: int = 4) -> tuple[int, Sleeper]:
    net = mlp()
    sleeper = Sleeper(net, NoSleep())
    shown = []
    handle = net.register_forward_pre_hook(lambda module, given: shown.append(len(given[0])))
    list(sleeper.live([day], epochs=epochs, batch_size=batch_size, optimiser=torch.optim.SGD(net.parameters(), lr=0.1)))
    handle.remove()
    return len(shown), sleeper


def test_a_data_set_is_asked_anew_every_epoch_and_never_all_at_once():
    day = Drawn()
    steps(day)
    assert sorted(day.asked) == sorted([*range(16), *range(16)])


@pytest.mark.parametrize("label", ["label", "labels", "target", "y"])
def test_items_may_be_mappings(label):
    day = Drawn(lambda x, y: {"image": x, label: y})
    assert steps(day)[0] >= 8
    with pytest.raises(TypeError, match="items have .'image', 'kind'.; expected labels under one of labels, label"):
        steps(Drawn(lambda x, y: {"image": x, "kind": y}))


def test_loaders_keep_their_own_batches_and_streams_their_order():
    before = torch.get_rng_state()
    loader = DataLoader(Drawn(), batch_size=8, generator=torch.Generator())
    plain, _ = steps(lesson(), batch_size=16, epochs=1)
    assert steps(loader, epochs=1)[0] == plain + 1  # two lessons of eight in place of one
    assert steps(Stream(), epochs=1, batch_size=4)[0] == plain + 3
    assert torch.equal(torch.get_rng_state(), before)


def test_workers_of_a_loader_stay_at_work():
    loader = DataLoader(Drawn(), batch_size=8, num_workers=1, multiprocessing_context="fork")
    assert steps(loader, epochs=1)[1].nights == 1


def test_mappings_as_a_pair():
    net = Words()
    days = [masked_words(0), masked_words(1)]
    sleeper = Sleeper(net, AUTO)
    list(sleeper.live(days, optimiser=torch.optim.SGD(net.parameters(), lr=0.1), batch_size=4))
    assert sleeper.nights == 2


# what went wrong in silence


def test_inputs_and_labels_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="a day has 16 inputs and 5 labels: each input needs one label"):
        steps((lesson()[0], lesson()[1][:5]))


def test_an_optimiser_of_another_network_is_refused():
    sleeper = Sleeper(mlp(), NoSleep())
    with pytest.raises(ValueError, match="holds 4 parameters and none of them is Sequential's: make it of sleeper.net"):
        list(sleeper.live([lesson()], optimiser=torch.optim.SGD(mlp().parameters(), lr=0.1)))


@every_mechanism
def test_a_network_that_broke_down_is_told_at_once(mechanism):
    net = mlp()
    sleeper = Sleeper(net, mechanism, classes=4)
    days = sleeper.live([lesson()], epochs=20, batch_size=8, optimiser=torch.optim.SGD(net.parameters(), lr=1e30))
    with pytest.raises(FloatingPointError, match=r"(the loss is|holds) .*Lower the learning rate"):
        list(days)


def test_broken_weights_are_told_before_a_night():
    net = mlp()
    sleeper = Sleeper(net, NoSleep())
    sleeper.loss(*lesson())
    with torch.no_grad():
        net[1].weight[0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="1.weight holds NaN or infinity: a step of today was too large"):
        sleeper.sleep()


def test_a_life_of_no_epochs_is_refused():
    net = mlp()
    with pytest.raises(ValueError, match="expected at least 1"):
        list(Sleeper(net, NoSleep()).live([lesson()], batch_size=0, optimiser=torch.optim.SGD(net.parameters(), lr=1)))
