"""Barry & Love 2022: a pretrained visual network learns novel classes by day and replays them by night.

Read from the bottom: `CategoryLearning.build` assembles data, network, memories, schedule and measurements.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from oneiros.core import Brain, DayPhase, Memory, NightPhase, Seeds, Task
from oneiros.data import DataError, Examples, load
from oneiros.data.photographs import class_names, load_photographs
from oneiros.data.pretrained import vgg16_features
from oneiros.data.streams import EmptyTask, ExampleTask
from oneiros.life import Event, Night, Schedule
from oneiros.memory.class_activations import ClassActivations
from oneiros.memory.images import Images
from oneiros.memory.selector import Selector
from oneiros.nets import VGG, names_above
from oneiros.nets.modes import resting
from oneiros.papers.barry2022.conditions import Condition
from oneiros.papers.barry2022.config import Config
from oneiros.papers.barry2022.lessons import Lessons, curriculum, lessons_of, model_of
from oneiros.papers.barry2022.pretrain import pretrained_features
from oneiros.phases import Augment, Away, CategoryReplay, Encode, Remember, SelectedReplay, VisualWake
from oneiros.phases.optim import TensorFlowAdam
from oneiros.runs.drawing import Drawing, drawings_in
from oneiros.runs.experiment import BuildRequest, Life, Measured

CHUNK = 250  # images looked at at once
REPLICA = "replica: a small VGG that oneiros pretrains, on Tiny ImageNet at 64 pixels, in place of VGG-16 on ImageNet"


def prepare(what: BuildRequest, condition: Condition) -> tuple[Lessons, Mapping[str, Tensor], str]:
    """Images of this run's model, the convolutions it begins with, and the name of its set of classes."""
    config: Config = what.config
    if condition.images:
        config = replace(config, train=condition.images)
    if condition.similar and not config.similar:
        raise DataError(
            "which classes are similar is not known for these data: name them with --set similar=n01,n02,..."
        )
    if config.weights == "torchvision":
        names = class_names(what.data, config.data)
        plan = curriculum(names, config)
        model = model_of(plan, what.seed)
        chosen = plan.similar if condition.similar else model
        train, test, checksums = load_photographs(what.data, config.data, names, chosen, config.anatomy.size)
        train, test = train.to(what.device), test.to(what.device)
        features = vgg16_features()
    else:
        data = load(config.data, root=what.data, device=what.device)
        plan = curriculum(data.train.classes, config)
        model = model_of(plan, what.seed)
        chosen = plan.similar if condition.similar else model
        train, test, checksums = data.train, data.test, data.checksums
        features = pretrained_features(what.config, data, what.device)
    name = "similar classes" if condition.similar else f"set {what.seed} of {len(plan.sets)}"
    replica = "" if config.weights == "torchvision" else "replica, "
    return lessons_of(train, test, chosen, config, checksums), features, replica + name


def build_brain(
    config: Config, condition: Condition, lessons: Lessons, features: Mapping[str, Tensor], seed: int
) -> Brain:
    """Pretrained convolutions below a new head, with the memories that the condition needs."""
    device = lessons.train.images.device
    with Seeds(seed).building("head"):
        net = VGG(config.anatomy, len(lessons.classes))
    net.load_features(features)
    net.to(device)
    memory: dict[str, Memory] = {}
    if condition.location:
        memory |= {"today": Images(), "activations": ClassActivations(condition.coarsen, config.precision)}
    if condition.selected:
        held = Images()
        held.store(lessons.validation.all(), Seeds(seed).rng("held"))
        selector = Selector(
            len(lessons.classes), temperature=config.temperature, fits=config.fits, lr=config.selector_lr
        )
        memory |= {"validation": held, "selector": selector}
    optimiser = TensorFlowAdam(net.parameters(), lr=config.lr, epsilon=config.epsilon)
    return Brain(net=net, memory=memory, optim={"wake": optimiser})


def schedule(config: Config, condition: Condition, net: VGG) -> Schedule:
    """Days and nights of a condition; what it leaves out is absent."""
    views = {"degrees": config.degrees, "shift": config.shift, "zoom": config.zoom}
    if not condition.location:
        return Schedule(day=(Augment(inner=(VisualWake(),), **views),))
    location = net.locations[condition.location - 1]
    replay = CategoryReplay(
        location=location,
        above=names_above(net, location),
        dreams=condition.dreams,
        per_class=config.dreams,
        batch_size=config.batch_size,
    )
    night: NightPhase = replay
    if condition.selected:
        night = SelectedReplay(inner=replay, classes=net.classes, rewarded=config.rewarded)
    wake: DayPhase = Augment(inner=(Remember(memory="today"), VisualWake()), **views)
    if condition.away:
        wake = Away(inner=wake, dream=replay)
    return Schedule(day=(wake,), nights=(Night("task", (Encode(location=location), night)),))


def days(config: Config, condition: Condition, lessons: Lessons, count: int) -> Sequence[Task]:
    """One task a day: the same images in another order (and other views); or, away, nothing."""
    classes = tuple(range(len(lessons.classes)))

    def day(number: int) -> Task:
        name = f"day {number + 1}"
        if condition.away and number:
            first = lessons.train.batch(torch.tensor([0])).x[0]
            return EmptyTask(name=name, classes=classes, shape=tuple(first.shape), device=str(first.device))
        return ExampleTask(
            name=name, classes=classes, train=lessons.train, test=lessons.test, batch_size=config.batch_size
        )

    return tuple(day(number) for number in range(count))


def judged(net: VGG, examples: Examples) -> tuple[Tensor, float]:
    """Fraction correct of each class, and mean cross-entropy."""
    with resting(net):
        parts = [examples.batch(index) for index in torch.arange(len(examples)).split(CHUNK)]
        scores = torch.cat([net(part.x) for part in parts])
    right = (scores.argmax(1) == examples.labels).double()
    counts = torch.bincount(examples.labels, minlength=len(examples.classes))
    by_class = torch.zeros(len(counts), dtype=torch.float64, device=right.device).index_add_(0, examples.labels, right)
    return by_class / counts, cross_entropy(scores, examples.labels).item()


def measurements(brain: Brain, lessons: Lessons) -> Callable[[Event], Iterator[Measured]]:
    """Rows of an event: accuracy after the day (dusk) and after its night (end), by class, and what was replayed."""
    net, at_dusk = brain.net, {}
    assert isinstance(net, VGG)

    def measure(event: Event) -> Iterator[Measured]:
        if event.kind == "night":
            for key, value in event.values.items():
                label = key.removeprefix("replayed:")
                name = f"replayed:{lessons.classes[int(label)]}" if label != key else f"{event.phase}/{key}"
                yield Measured(metric=name, value=float(value), task=event.task, phase="night")
        if event.kind not in ("dusk", "task_end"):
            return
        phase = "dusk" if event.kind == "dusk" else "end"
        slept = "activations" in brain.memory
        if phase == "dusk" or slept:
            at_dusk[phase] = (*judged(net, lessons.test), judged(net, lessons.validation)[1])
        # Without a night nothing has changed since dusk.
        by_class, _, validation_loss = at_dusk[phase if slept else "dusk"]
        yield Measured(metric="accuracy_seen", value=float(by_class.mean()), task=event.task, phase=phase)
        yield Measured(metric="validation_loss", value=validation_loss, task=event.task, phase=phase)
        for label, value in zip(lessons.classes, by_class.tolist(), strict=True):
            yield Measured(metric=f"class_accuracy:{label}", value=value, task=event.task, phase=phase)
        if phase == "end":
            # What the paper logs: after the day, before its night. Kept from dusk of the same day.
            logged = float(at_dusk["dusk"][0].mean())
            yield Measured(metric="day_accuracy", value=logged, task=event.task, phase=phase)
            kept = sum(memory.nbytes for memory in brain.memory.values())
            yield Measured(metric="stored_bytes", value=float(kept), task=event.task, phase=phase)

    return measure


@dataclass(frozen=True, kw_only=True)
class CategoryLearning:
    """`oneiros run barry2022/NAME`: seed s is model s, with its own classes as long as there are sets of them.

    Attributes:
        of: conditions by name, from a configuration.
        tracks: whether it lives the configuration's `month`, or else its `days`.
    """

    name: str
    conditions: tuple[str, ...]
    of: Callable[[Config], Mapping[str, Condition]]
    scales: Mapping[str, Config]
    tracks: bool = False
    paper: str = "barry2022"

    def drawings(self) -> tuple[Drawing, ...]:
        """The paper's own figures."""
        return drawings_in("oneiros.papers.barry2022.figures", self.name)

    def build(self, what: BuildRequest) -> Life:
        """One run, ready to live."""
        config: Config = what.config
        condition = self.of(config)[what.condition]
        lessons, features, name = prepare(what, condition)
        brain = build_brain(config, condition, lessons, features, what.seed)
        assert isinstance(brain.net, VGG)
        return Life(
            brain=brain,
            tasks=days(config, condition, lessons, config.month if self.tracks else config.days),
            schedule=schedule(config, condition, brain.net),
            seeds=Seeds(what.seed, what.device),
            order=name,
            measure=measurements(brain, lessons),
            checksums=lessons.checksums,
            note="" if what.config.weights == "torchvision" else REPLICA,
        )
