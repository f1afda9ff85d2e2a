"""The callback inside Hugging Face's Trainer itself: what it trains is what a plain loop with a Sleeper trains."""

import importlib.util
import re
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from oneiros.core import Seeds
from oneiros.sleeper import Automatic, NoSleep, Rehearsal, Sleeper

for needed in ("transformers", "accelerate"):
    if importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    from oneiros.sleeper.transformers import SleepCallback

pytestmark = pytest.mark.filterwarnings("ignore")
REHEARSAL = Rehearsal(per_class=3, replayed=4)


def bert() -> nn.Module:
    with Seeds(0).building("net"):
        return BertForSequenceClassification(
            BertConfig(
                vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
                max_position_embeddings=6, num_labels=4, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            )
        )  # fmt: skip


def day(number: int) -> list[dict[str, torch.Tensor]]:
    rng = torch.Generator().manual_seed(number)
    ids, labels = torch.randint(20, (16, 6), generator=rng), torch.arange(16) % 2 + 2 * number
    mask = (torch.arange(6) < 4 + torch.arange(16)[:, None] % 3).long()
    return [{"input_ids": i, "attention_mask": m, "labels": y} for i, m, y in zip(ids, mask, labels, strict=True)]


def train(model, callbacks, folder, days=range(2), *, data=day, **more) -> None:
    for number in days:
        arguments = TrainingArguments(
            output_dir=str(folder), learning_rate=0.1,
            lr_scheduler_type="constant", optim="sgd", max_grad_norm=0.0, save_strategy="no", report_to="none",
            disable_tqdm=True, use_cpu=True, seed=number, logging_strategy="no", dataloader_pin_memory=False,
            **{"num_train_epochs": 2, "per_device_train_batch_size": 8} | more,
        )  # fmt: skip
        Trainer(model, arguments, train_dataset=data(number), callbacks=callbacks).train()


def by_hand(mechanism, order: list[list[list[int]]]) -> Sleeper:
    """The same days, in the order in which a Trainer took them, in a loop of one's own."""
    sleeper = Sleeper(bert().train(), mechanism)
    optimiser = torch.optim.SGD(sleeper.net.parameters(), lr=0.1)
    for number, batches in enumerate(order):
        rows = day(number)
        for batch in batches:
            optimiser.zero_grad()
            x = {name: torch.stack([rows[i][name] for i in batch]) for name in ("input_ids", "attention_mask")}
            sleeper.loss(x, torch.stack([rows[i]["labels"] for i in batch])).backward()
            optimiser.step()
        sleeper.sleep()
    return sleeper


class Noted(list):
    """A data set that notes who was asked for."""

    def __init__(self, rows):
        super().__init__(rows)
        self.asked: list[int] = []

    def __getitem__(self, index):
        self.asked.append(index)
        return super().__getitem__(index)


@pytest.mark.parametrize(
    "mechanism", [REHEARSAL, Automatic(filters=4, first=8, share=0.3)], ids=["rehearsal", "automatic"]
)
def test_a_model_learns_what_a_plain_loop_learns(mechanism, tmp_path):
    model = bert()
    sleeper = Sleeper(model, mechanism)
    days = [Noted(day(0)), Noted(day(1))]
    train(model, [SleepCallback(sleeper)], tmp_path, data=days.__getitem__)
    order = [[each.asked[at : at + 8] for at in range(0, 32, 8)] for each in days]
    expected = by_hand(mechanism, order)
    assert sleeper.nights == 2
    torch.testing.assert_close(model.state_dict(), expected.net.state_dict())
    x = {name: torch.stack([row[name] for row in day(1)]) for name in ("input_ids", "attention_mask")}
    torch.testing.assert_close(sleeper.scores(x), expected.scores(x))


class OfShares(nn.Module):
    """A model that gives a batch's share of the mean over all whose gradients are added up."""

    def __init__(self):
        super().__init__()
        self.inner = bert()
        self.classifier = self.inner.classifier

    def forward(self, input_ids=None, attention_mask=None, labels=None, **kwargs):
        output = self.inner(input_ids=input_ids, attention_mask=attention_mask)
        if labels is not None:
            summed = nn.functional.cross_entropy(output["logits"], labels, reduction="sum")
            output["loss"] = summed / kwargs["num_items_in_batch"]
        return output


@pytest.mark.parametrize("model", [bert, OfShares])
def test_without_sleep_nothing_changes_with_accumulated_gradients_too(model, tmp_path):
    plain, ours = model(), model()
    train(plain, [], tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=2)
    train(
        ours,
        [SleepCallback(Sleeper(ours, NoSleep()))],
        tmp_path,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
    )
    torch.testing.assert_close(ours.state_dict(), plain.state_dict())
    assert not torch.equal(ours.classifier.weight, model().classifier.weight)


def test_nights_come_every_so_many_epochs_and_copies_are_plain(tmp_path):
    model = bert()
    sleeper = Sleeper(model, REHEARSAL)
    train(model, [SleepCallback(sleeper, every=2)], tmp_path, [0], num_train_epochs=5)
    assert sleeper.nights == 2
    assert sleeper.lessons == 2  # of the fifth epoch
    assert not model._forward_hooks


def test_wrong_use_gets_answers_of_one_line(tmp_path):
    model = bert()
    with pytest.raises(TypeError, match=r"SleepCallback got a Bert.*; expected Sleeper\(model\)"):
        SleepCallback(model)
    with pytest.raises(ValueError, match="every is 0"):
        SleepCallback(Sleeper(model), every=0)
    with pytest.raises(ValueError, match="trains another BertForSequenceClassification than the Sleeper's"):
        train(model, [SleepCallback(Sleeper(bert(), NoSleep()))], tmp_path)
    callback = SleepCallback(Sleeper(model, NoSleep()))
    with pytest.raises(ValueError, match=r"leave it 0, and give Sleeper\(criterion=CrossEntropyLoss\(label_smoothing"):
        train(model, [callback], tmp_path, label_smoothing_factor=0.1)
    smooth = Sleeper(model, NoSleep(), criterion=nn.CrossEntropyLoss(label_smoothing=0.5))
    with pytest.raises(ValueError, match=r"the model's loss is .*, but the criterion makes .* of the same scores"):
        train(model, [SleepCallback(smooth)], tmp_path)


def test_a_loss_that_is_not_the_models_is_refused(tmp_path):
    def mean(outputs, labels, num_items_in_batch=None):
        return nn.functional.cross_entropy(outputs["logits"], labels)

    model = bert()
    arguments = TrainingArguments(output_dir=str(tmp_path), report_to="none", use_cpu=True, disable_tqdm=True)
    trainer = Trainer(
        model, arguments, train_dataset=day(0), compute_loss_func=mean,
        callbacks=[SleepCallback(Sleeper(model, NoSleep()))],
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="was no lesson: its batches need `labels`, .*no compute_loss_func"):
        trainer.train()


def test_the_guides_block_runs(capsys, tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "your-network.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python transformers\n(.*?)```", text, flags=re.DOTALL)
    arguments = TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=1, report_to="none", use_cpu=True, disable_tqdm=True
    )
    exec(
        compile(block, "your-network.md", "exec"), {"model": bert(), "arguments": arguments, "tasks": [day(0), day(1)]}
    )
    nights, _ = capsys.readouterr().out.splitlines()[-1].split()
    assert nights == "2"
