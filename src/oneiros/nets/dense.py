"""Backpropagation through a fully connected head, written out.

A night from the last location trains three small matrices, and there autograd's bookkeeping takes as long as a third of
the products. The equations are those that autograd derives, and the test compares them with it:
`tests/nets/test_dense.py`.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, fx, nn
from torch.nn.functional import linear, log_softmax, nll_loss

from oneiros.nets.modes import Dropout

PLAIN = (nn.Linear, nn.ReLU, Dropout)


def fully_connected(part: fx.GraphModule) -> tuple[nn.Module, ...]:
    """The layers of a traced network in order, if flattening, Linear, ReLU and our Dropout are all it is; else none.

    None, too, where only autograd's way through the network would do: parameters that are frozen or used twice,
    somebody who listens by a hook.
    """
    layers: list[nn.Module] = []
    for before, node in pairwise(part.graph.nodes):
        layer = part.get_submodule(node.target) if node.op == "call_module" else None
        if node.all_input_nodes != [before]:
            return ()
        if node.op == "output" or (_flattens(node, layer) and not layers):
            continue
        # Exactly these types: a subclass (a parametrised layer is one) may compute something else.
        if layer is None or type(layer) not in PLAIN or _is_heard(layer):
            return ()
        if not isinstance(layer, Dropout) or layer.p:
            layers.append(layer)
    parameters = [parameter for layer in layers for parameter in layer.parameters()]
    once = len(set(parameters)) == len(parameters)
    plain = once and all(p.requires_grad and not p._backward_hooks for p in parameters)
    return tuple(layers) if plain and layers and isinstance(layers[-1], nn.Linear) else ()


def _flattens(node: fx.Node, layer: nn.Module | None) -> bool:
    if type(layer) is nn.Flatten:
        return (layer.start_dim, layer.end_dim) == (1, -1) and not _is_heard(layer)
    return node.target in ("flatten", torch.flatten) and node.args[1:] == (1,) and not node.kwargs


def _is_heard(layer: nn.Module) -> bool:
    return any((layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks))


@torch.no_grad()
def backpropagate(
    layers: Sequence[nn.Module], x: Float[Tensor, "n ..."], labels: Int[Tensor, " n"], rng: torch.Generator
) -> Float[Tensor, ""]:
    """Mean cross-entropy of the scores; its gradients become the `grad` of every weight and bias.

    With delta the loss's derivative by a layer's output: dL/dW = delta' h, dL/db = sum delta, and delta W goes on
    down, through a rectifier where it was open and through dropout times its mask.

    Args:
        layers: from `fully_connected`.
        x: what the first of them hears.
        labels: the classes wanted.
        rng: for the masks of dropout, drawn from the first layer to the last.
    """
    h, kept = x.flatten(1), []
    lowest = next(layer for layer in layers if isinstance(layer, nn.Linear))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            kept.append(h)
            h = linear(h, layer.weight, layer.bias)
        elif isinstance(layer, Dropout):
            kept.append(layer.mask(h, rng))
            h = h * kept[-1]
        else:
            h = h.relu()
            kept.append(h)
    log_p, wanted = log_softmax(h, 1), labels[:, None]
    delta = log_p.exp().scatter_add_(1, wanted, log_p.new_full((), -1.0).expand_as(wanted)).div_(len(labels))
    for layer, told in zip(reversed(layers), reversed(kept), strict=True):
        if isinstance(layer, nn.Linear):
            layer.weight.grad = delta.T @ told
            if layer.bias is not None:
                layer.bias.grad = delta.sum(0)
            if layer is lowest:
                break
            delta = delta @ layer.weight
        else:
            # The sign of a rectified activation is 1 where the rectifier was open, else 0.
            delta = delta * (told if isinstance(layer, Dropout) else told.sign())
    return nll_loss(log_p, labels)
