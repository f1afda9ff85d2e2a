"""Cutting a feed-forward network in two at any named layer, without copying a weight."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jaxtyping
from torch import fx, nn

from oneiros.nets.dense import fully_connected
from oneiros.nets.modes import Dropout
from oneiros.nets.vgg import Normalise


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """The two parts of a network; they hold its very parameters, under their names.

    Attributes:
        below: inputs -> activations at the location.
        above: activations at the location -> class scores.
        dense: the layers above in order, if they are a plain fully connected head (`oneiros.nets.dense`); else none.
    """

    below: nn.Module
    above: nn.Module
    dense: tuple[nn.Module, ...] = ()


def cut(net: nn.Module, location: str) -> Cut:
    """Cut `net` behind the module called `location`, so that above(below(x)) = net(x).

    Works for every network that torch.fx can trace (torchvision's classifiers, our VGG).

    Raises:
        KeyError: there is no module of that name.
        ValueError: it is not called exactly once, or something passes it by, so that its output is not all
            that the layers above hear.
    """
    modules = dict(net.named_modules())
    if location not in modules or not location:
        near = difflib.get_close_matches(location, modules, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise KeyError(f"{type(net).__name__} has no module {location!r} to replay from.{hint}")
    try:
        with _unchecked():
            graph = _Tracer(location).trace(net)
    except Exception as error:  # whatever the network's own forward makes of stand-ins for tensors
        raise ValueError(
            f"{type(net).__name__} cannot be cut at {location!r}, because torch.fx cannot trace its forward: replay "
            f"inside a network needs a feed-forward one without decisions on values ({type(error).__name__})"
        ) from error
    calls = [node for node in graph.nodes if node.op == "call_module" and node.target == location]
    if len(calls) != 1:
        raise ValueError(f"{location!r} is called {len(calls)} times; replay needs a place that is passed once")
    above = _above(net, graph, calls[0])
    return Cut(below=_below(net, graph, calls[0]), above=above, dense=fully_connected(above))


@contextmanager
def _unchecked() -> Iterator[None]:
    """Shape checks, where they are switched on, look away: what a tracer passes through a network are no tensors."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)


class _Tracer(fx.Tracer):
    """Looks into every module but the location (torch.fx's documented way to say so is to override this method)."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        # Ours decide as they run, by whether a generator is lent; traced, they would decide once and for all.
        ours = isinstance(m, (Dropout, Normalise))
        return ours or module_qualified_name == self.location or super().is_leaf_module(m, module_qualified_name)


def _below(net: nn.Module, graph: fx.Graph, cut: fx.Node) -> nn.Module:
    part, copies = fx.Graph(), {}
    for node in graph.nodes:
        copies[node] = part.node_copy(node, copies.__getitem__)
        if node is cut:
            break
    part.output(copies[cut])
    return fx.GraphModule(net, part)


def _above(net: nn.Module, graph: fx.Graph, cut: fx.Node) -> fx.GraphModule:
    part = fx.Graph()
    copies = {cut: part.placeholder("activations")}

    def copied(node: fx.Node) -> fx.Node:
        if node not in copies and node.op == "get_attr":
            copies[node] = part.node_copy(node, copied)
        if node not in copies:
            raise ValueError(
                f"{cut.target!r} is passed by: {node.name!r}, which lies below it, is heard above it too. "
                "Replay from the end of a block"
            )
        return copies[node]

    nodes = list(graph.nodes)
    for node in nodes[nodes.index(cut) + 1 :]:
        copies[node] = part.node_copy(node, copied)
    return fx.GraphModule(net, part)


def names_above(net: nn.Module, location: str) -> tuple[str, ...]:
    """Names of the parameters that replay from `location` may move."""
    return tuple(name for name, _ in cut(net, location).above.named_parameters())
