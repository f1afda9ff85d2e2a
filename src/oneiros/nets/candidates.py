"""A network and, beside it, fronts whose features an exact head may stand on. Test: `tests/sleeper/`."""

import copy
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oneiros.equations.classwise import tukey
from oneiros.nets.modes import resting

FARTHEST = 5.0  # standard deviations: a feature that hardly ever varied would otherwise drown all others


@runtime_checkable
class Front(Protocol):
    """Inputs to features `[n, d]`; fixed once it is learned."""

    @property
    def learned(self) -> bool:
        """Whether it can be called."""
        ...

    @property
    def features(self) -> int:
        """D."""
        ...

    def learn(self, x: Tensor, rng: torch.Generator) -> None:
        """Learn from inputs, without labels, once."""
        ...


class Standardised(nn.Module):
    """Inputs less their mean over their spread, flattened: the plainest front. Units do not matter.

    Args:
        inputs: numbers in one input.
    """

    middle: Tensor
    spread: Tensor
    known: Tensor

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(inputs))
        self.register_buffer("spread", torch.ones(inputs))
        self.register_buffer("known", torch.tensor(False))

    @property
    def learned(self) -> bool:
        """Whether mean and spread are known."""
        return bool(self.known)

    @property
    def features(self) -> int:
        """As many as inputs."""
        return len(self.middle)

    def learn(self, x: Tensor, rng: torch.Generator) -> None:
        """Mean and spread of these inputs; a constant number has spread 1."""
        flat = x.flatten(1).double()
        spread = flat.std(0, correction=0)
        self.middle.copy_(flat.mean(0))
        self.spread.copy_(torch.where(spread > 0, spread, 1.0))
        self.known.fill_(True)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs `[n, ...]` to `[n, inputs]`."""
        return ((x.flatten(1).to(self.middle) - self.middle) / self.spread).clamp(-FARTHEST, FARTHEST)


class Rooted(nn.Module):
    """Square roots of inputs that are never negative, flattened: for skewed numbers, such as rectified features.

    Args:
        inputs: numbers in one input.
    """

    learned = True

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.features = inputs

    def learn(self, x: Tensor, rng: torch.Generator) -> None:
        """Refuse: there is nothing to learn."""
        raise TypeError("Rooted learns from no inputs")

    def forward(self, x: Tensor) -> Tensor:
        """Inputs `[n, ...]` to `[n, inputs]`; a negative number keeps its sign."""
        return tukey(x.flatten(1), 0.5)


class RectifiedRandom(nn.Module):
    """Random rectified features of standardised inputs, relu(W x + b), for inputs without a shape to go by.

    As `oneiros.nets.features.RandomFeatures`, with mean and spread of the first inputs taken out, and thresholds.

    Args:
        inputs: numbers in one input.
        width: features.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.scaled = Standardised(inputs)
        self.register_buffer("weight", torch.zeros(width, inputs))
        self.register_buffer("bias", torch.zeros(width))

    @property
    def learned(self) -> bool:
        """Whether its weights are drawn."""
        return self.scaled.learned

    @property
    def features(self) -> int:
        """Its width."""
        return len(self.bias)

    def learn(self, x: Tensor, rng: torch.Generator) -> None:
        """Mean and spread from these inputs, weights from `rng`."""
        self.scaled.learn(x, rng)
        normal = torch.randn(self.weight.shape, generator=rng, device=rng.device)
        self.weight.copy_(normal / self.weight.shape[1] ** 0.5)
        self.bias.copy_(torch.randn(self.bias.shape, generator=rng, device=rng.device))

    def forward(self, x: Tensor) -> Tensor:
        """Inputs `[n, ...]` to features `[n, width]`."""
        return torch.relu(self.scaled(x) @ self.weight.T + self.bias)


class ExactHead(nn.Module):
    """Scores of a solved head, in double precision: what is solved may be a small difference of large numbers.

    Args:
        weight: `[classes, d]`.
        bias: `[classes]`; -inf for a class that was never met.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Float[Tensor, "classes d"], bias: Float[Tensor, " classes"]) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().double().clone())
        self.register_buffer("bias", bias.detach().double().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Features `[n, ...]` to scores `[n, classes]`."""
        scores = x.flatten(1).double() @ self.weight.T + self.bias
        return scores if x.dtype == torch.float64 else scores.float()


class FrozenBody(nn.Module):
    """A copy of a network that gives what its last layer is given; no gradient reaches it.

    Args:
        net: copied.
        head: name of the network's last layer, a module that is called with `[n, d]`.
        learned: whether the network as it is now is what is meant; otherwise `take` it later.
        rooted: whether square roots are given: rectified features are skewed, their roots look more like Gaussians.
    """

    taken: Tensor

    def __init__(self, net: nn.Module, head: str, *, learned: bool, rooted: bool = False) -> None:
        super().__init__()
        self.head, self.rooted = head, rooted
        self.features = inputs_of(net, head)
        self.body = self._headless(net)
        self.register_buffer("taken", torch.tensor(learned))

    @property
    def learned(self) -> bool:
        """Whether the network was taken."""
        return bool(self.taken)

    def learn(self, x: Tensor, rng: torch.Generator) -> None:
        """Refuse: it learns from nothing but the network."""
        raise TypeError("FrozenBody learns from no inputs: take(net)")

    def take(self, net: nn.Module) -> None:
        """Keep the network as it is now."""
        self.body = self._headless(net).train(self.training)  # the mode stays; features are given at rest in either
        self.taken.fill_(True)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs `[n, ...]` to `[n, d]`."""
        given = last_given(self.body, self.head, x)
        given = given if given.dtype == torch.float64 else given.float()
        return tukey(given, 0.5) if self.rooted else given

    def answering(self, head: nn.Module) -> nn.Module:
        """A copy of the network with this head in place of its own."""
        whole = copy.deepcopy(self.body)
        _put(whole, self.head, nn.Sequential(Rooted(self.features), head) if self.rooted else head)
        return whole

    def _headless(self, net: nn.Module) -> nn.Module:
        """A frozen copy without the last layer, which may grow, and whose weights nobody asks for."""
        body = copy.deepcopy(net).eval().requires_grad_(False)
        _put(body, self.head, nn.Identity())
        return body


class InSingle(nn.Module):
    """A front that is shown inputs in single precision, whatever they are in.

    Args:
        front: meets `Front`.
    """

    def __init__(self, front: nn.Module) -> None:
        super().__init__()
        if not isinstance(front, Front):
            raise TypeError(f"{type(front).__name__} is no front: it needs `learned`, `features` and `learn`")
        self.front = front

    @property
    def learned(self) -> bool:
        """Whether the front is."""
        return bool(self.front.learned)

    @property
    def features(self) -> int:
        """As many as the front's."""
        return int(self.front.features)  # pyright: ignore[reportArgumentType]

    def learn(self, x: Tensor, rng: torch.Generator) -> None:
        """Teach the front."""
        self.front.learn(x.float(), rng)  # pyright: ignore[reportCallIssue]

    def forward(self, x: Tensor) -> Tensor:
        """Its features."""
        return self.front(x.float())


class Candidates(nn.Module):
    """A network, which is called, and fronts beside it, which phases call by name.

    Args:
        net: from inputs to scores.
        fronts: by name; modules that meet `Front`.
    """

    def __init__(self, net: nn.Module, fronts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, front in fronts.items():
            if not isinstance(front, Front):
                raise TypeError(f"{name!r} is a {type(front).__name__}, which is no front: it needs `learned`, `learn`")
        self.net = net
        self.fronts = nn.ModuleDict(fronts)

    def forward(self, x: Tensor) -> Tensor:
        """The network's scores."""
        return self.net(x)

    def front(self, name: str) -> Any:
        """The front of that name."""
        return self.fronts[name]


def _put(net: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, module)


def inputs_of(net: nn.Module, head: str) -> int:
    """How many numbers the linear layer called `head` is given."""
    module = net.get_submodule(head)
    if not isinstance(module, nn.Linear):
        raise TypeError(f"{head!r} is a {type(module).__name__}; expected a Linear")
    return module.in_features


def last_given(net: nn.Module, head: str, x: Tensor) -> Tensor:
    """What the module called `head` is given while `net` sees `x`, at rest: `[n, d]`."""
    given: list[Tensor] = []
    handle = net.get_submodule(head).register_forward_pre_hook(lambda module, args: given.append(args[0]))
    try:
        with resting(net):
            net(x)
    finally:
        handle.remove()
    return given[-1].detach()


def last_layer(net: nn.Module, x: Tensor) -> str | None:
    """Name of the linear layer whose output is the network's answer to `x`; None where there is none.

    Found by looking: of the layers that are called once with `[n, d]`, the one that gives the very scores.
    """
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {}

    def looking_at(name: str) -> Any:
        def look(module: nn.Module, args: tuple[Tensor, ...], answer: Tensor) -> None:
            seen.setdefault(name, []).append((args[0], answer))

        return look

    layers = [(name, module) for name, module in net.named_modules() if isinstance(module, nn.Linear) and name]
    handles = [module.register_forward_hook(looking_at(name)) for name, module in layers]
    try:
        with resting(net):
            scores = net(x)
    finally:
        for handle in handles:
            handle.remove()
    for name, calls in seen.items():
        given, answer = calls[-1]
        if (
            len(calls) == 1
            and given.ndim == 2
            and answer.shape == scores.shape
            and torch.equal(answer.to(scores), scores)
        ):
            return name
    return None


def fingerprints(x: Float[Tensor, "n ..."]) -> Int[Tensor, " n"]:
    """A 64-bit number of each row that says nothing of it but whether it is the same: to know it again within a day."""
    flat = x.detach().flatten(1).contiguous()
    bits = flat.view(torch.int64) if flat.dtype == torch.float64 else flat.float().view(torch.int32).long()
    rng = torch.Generator().manual_seed(0)
    odd = torch.randint(-(2**62), 2**62, (bits.shape[1],), generator=rng).to(x.device) * 2 + 1
    mixed = (bits * odd).sum(1)
    for shift, factor in ((33, -49064778989728563), (29, -4265267296055464877)):  # as murmur's last steps do
        mixed = (mixed ^ (mixed >> shift)) * factor
    return mixed ^ (mixed >> 32)
