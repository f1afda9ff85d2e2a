"""Backpropagation written out, against autograd and by hand; and which heads it is for."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from oneiros.core import Seeds
from oneiros.nets import VGG, Architecture, cut
from oneiros.nets.dense import backpropagate, fully_connected
from oneiros.nets.modes import Dropout, learning


def rng(seed: int = 0) -> torch.Generator:
    return Seeds(seed).rng("test")


def vgg(dropout: float = 0.5) -> VGG:
    with Seeds(0).building("init"):
        return VGG(Architecture(blocks=((3,), (4,)), head=(6, 5), size=8, dropout=dropout), 3)


def masked_first() -> nn.Sequential:
    """As torchvision's AlexNet and EfficientNet do, dropout comes before the first layer; one layer has no bias."""
    with Seeds(0).building("init"):
        return nn.Sequential(
            nn.Conv2d(3, 4, 1), nn.Flatten(), Dropout(0.4), nn.Linear(16, 5, bias=False), nn.ReLU(inplace=True),
            nn.Linear(5, 3),
        )  # fmt: skip


HEADS = {
    "vgg": (lambda: vgg(0.3), "features.pool2", 6),
    "vgg without dropout": (lambda: vgg(0.0), "features.pool2", 6),
    "dropout first": (masked_first, "0", 3),
}


@pytest.mark.parametrize("head", HEADS)
def test_gradients_and_loss_are_autograds(head):
    make, location, _ = HEADS[head]
    net = make().double()
    parts = cut(net, location)
    assert parts.dense
    x, labels = torch.randn(7, 4, 2, 2, generator=rng(), dtype=torch.float64), torch.arange(7) % 3
    with learning(parts.above, rng(1)):
        expected = cross_entropy(parts.above(x), labels)
    expected.backward()
    gradients = {name: p.grad for name, p in parts.above.named_parameters() if p.grad is not None}
    net.zero_grad()
    loss = backpropagate(parts.dense, x, labels, rng(1))
    assert torch.allclose(loss, expected, rtol=1e-13)
    assert len(gradients) == HEADS[head][2]
    for name, p in parts.above.named_parameters():
        assert p.grad is not None
        assert torch.allclose(p.grad, gradients[name], rtol=1e-12, atol=1e-15), name
    above = {name for name, _ in parts.above.named_parameters()}
    assert all(p.grad is None for name, p in net.named_parameters() if name not in above)


def test_one_layer_by_hand():
    """Two classes, scores 0 and 0: probabilities 1/2, so delta = (-1/2, 1/2) and dL/dW = delta' x."""
    layer = nn.Linear(2, 2, bias=False)
    nn.init.zeros_(layer.weight)
    loss = backpropagate((layer,), torch.tensor([[2.0, 4.0]]), torch.tensor([0]), rng())
    assert float(loss) == pytest.approx(0.6931472)
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[-1.0, -2.0], [1.0, 2.0]]


def test_a_plain_head_is_known_and_everything_else_is_left_to_autograd():
    assert [type(layer).__name__ for layer in cut(vgg(), "features.pool2").dense] == [
        "Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear",
    ]  # fmt: skip
    assert [type(layer).__name__ for layer in cut(vgg(dropout=0.0), "features.pool2").dense] == [
        "Linear", "ReLU", "Linear", "ReLU", "Linear",
    ]  # fmt: skip
    assert cut(vgg(), "features.pool1").dense == ()  # convolutions
    frozen, heard, normed, parametrised = vgg(), vgg(), vgg(), vgg()
    frozen.classifier[0].bias.requires_grad_(False)
    heard.classifier[0].register_forward_hook(lambda *_: None)
    normed.classifier[1] = nn.LayerNorm(6)
    nn.utils.parametrizations.weight_norm(parametrised.classifier[0])
    for net in (frozen, heard, normed, parametrised):
        assert cut(net, "features.pool2").dense == ()


class Wired(nn.Module):
    """Layers that are called in the order given, each with the output of the one named beside it."""

    def __init__(self, *wires: tuple[int, int]) -> None:
        super().__init__()
        self.layers, self.wires = nn.ModuleList(nn.Linear(3, 3) for _ in range(2)), wires

    def forward(self, x):
        heard = [x]
        for layer, of in self.wires:
            heard.append(self.layers[layer](heard[of]))
        return heard[-1]


def test_only_a_chain_of_different_layers_is_known():
    def found(net: nn.Module) -> int:
        return len(fully_connected(torch.fx.symbolic_trace(net)))

    assert found(Wired((0, 0), (1, 1))) == 2
    assert found(Wired((0, 0), (0, 1))) == 0  # one layer twice: its gradients add up
    assert found(Wired((0, 0), (1, 0))) == 0  # the first is heard by nobody
    tied = Wired((0, 0), (1, 1))
    tied.layers[1].weight = tied.layers[0].weight
    assert found(tied) == 0
    watched = Wired((0, 0), (1, 1))
    next(watched.layers[0].parameters()).register_hook(lambda g: 0 * g)
    assert found(watched) == 0


def test_a_head_that_ends_in_a_rectifier_or_a_mask_is_left_to_autograd():
    for last in (nn.ReLU(), Dropout(0.5)):
        net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3), last)
        assert cut(net, "1").dense == ()
        assert cut(net, "0").dense == ()
    assert len(cut(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3)), "0").dense) == 2


def test_flattening_is_known_in_its_three_spellings():
    class Flattening(nn.Module):
        def __init__(self, axis: int) -> None:
            super().__init__()
            self.axis, self.scores = axis, nn.Linear(4, 2)

        def forward(self, x):
            return self.scores(torch.flatten(x, self.axis))

    traced = [torch.fx.symbolic_trace(net) for net in (
        nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), Flattening(1), nn.Sequential(nn.Flatten(0), nn.Linear(4, 2)),
        Flattening(0), nn.Sequential(nn.Linear(4, 2), nn.Flatten()),
    )]  # fmt: skip
    assert [len(fully_connected(net)) for net in traced] == [1, 1, 0, 0, 0]
