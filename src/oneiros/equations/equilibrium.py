r"""Equilibrium propagation in a network of one hidden layer, as pure functions.

Source: Kubo, Delanois & Bazhenov 2025, Eqs. 5-10 (EP: Scellier & Bengio 2017; the predictive rule:
Luczak et al. 2022). Symbols: x input, h hidden state, o output state, `w_out` (out x hidden) the weights
hidden -> output, whose transpose feeds back, `drive` = W1 x + b1 (constant within a phase, so computed once).
Leading batch dimensions are accepted everywhere, of the weights too: several networks at once, `[s, b, ...]`.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


def hard_sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Output non-linearity: identity clipped to [0, 1] (Laborieux et al. 2021).

    Other codes clip x / 2; measured on MNIST the two train alike.

    >>> hard_sigmoid(torch.tensor([-1.0, 0.25, 3.0]))
    tensor([0.0000, 0.2500, 1.0000])
    """
    return x.clamp(0, 1)


def hidden_target(
    drive: Float[Tensor, "*b hidden"],
    output: Float[Tensor, "*b out"],
    w_out: Float[Tensor, "*s out hidden"],
    *,
    gamma: float,
) -> Float[Tensor, "*b hidden"]:
    """What the hidden layer relaxes towards, Eq. 6: relu(W1 x + b1 + gamma W2' o).

    >>> hidden_target(torch.tensor([[1.0]]), torch.tensor([[0.5]]), torch.tensor([[-4.0]]), gamma=1.0)
    tensor([[0.]])
    """
    return torch.relu(torch.add(drive, output @ w_out, alpha=gamma))


def output_target(
    hidden: Float[Tensor, "*b hidden"], w_out: Float[Tensor, "*s out hidden"], b_out: Float[Tensor, "*t out"]
) -> Float[Tensor, "*b out"]:
    """What the output layer relaxes towards, Eq. 5: hardsig(W2 h + b2)."""
    return hard_sigmoid(hidden @ w_out.mT + b_out)


def euler_step(  # noqa: PLR0913 (the equation has that many symbols)
    hidden: Float[Tensor, "*b hidden"],
    output: Float[Tensor, "*b out"],
    drive: Float[Tensor, "*b hidden"],
    w_out: Float[Tensor, "*s out hidden"],
    b_out: Float[Tensor, "*t out"],
    *,
    gamma: float,
    dt: float,
    nudge: Float[Tensor, "*b out"] | None = None,
) -> tuple[Float[Tensor, "*b hidden"], Float[Tensor, "*b out"]]:
    """One Jacobi step of the dynamics, Eqs. 5, 6 and 8: both layers read the old states.

    `nudge` is beta (y - o), Eq. 7, computed by the caller from the old output; None in the free phase.

    >>> h, o = torch.zeros(1, 1), torch.zeros(1, 1)
    >>> one, zero = torch.ones(1, 1), torch.zeros(1)
    >>> h, o = euler_step(h, o, one, one, zero, gamma=1.0, dt=0.2)
    >>> h, o = euler_step(h, o, one, one, zero, gamma=1.0, dt=0.2)
    >>> h, o  # h: 0.2 + 0.2 (1 - 0.2);  o: 0 + 0.2 (0.2 - 0)
    (tensor([[0.3600]]), tensor([[0.0400]]))
    """
    towards_h = hidden_target(drive, output, w_out, gamma=gamma)
    towards_o = output_target(hidden, w_out, b_out)
    moved = output + dt * (towards_o - output if nudge is None else towards_o - output + nudge)
    return torch.lerp(hidden, towards_h, dt), moved


def nudging(
    output: Float[Tensor, "*b out"], target: Float[Tensor, "*b out"], *, beta: float
) -> Float[Tensor, "*b out"]:
    """Force towards the label in the weakly clamped phase, Eq. 7: beta (y - o)."""
    return beta * (target - output)


def predictive_rule(
    post_clamped: Float[Tensor, "*s b post"],
    post_free: Float[Tensor, "*s b post"],
    pre_clamped: Float[Tensor, "*s b pre"],
    *,
    beta: float,
) -> Float[Tensor, "*s post pre"]:
    """Descent direction of the predictive learning rule, Eq. 10, batch mean.

    Returned with a gradient's sign (minus the paper's Delta W / alpha), so that any optimiser can step on it.

    >>> predictive_rule(torch.tensor([[1.0]]), torch.tensor([[0.5]]), torch.tensor([[2.0]]), beta=0.5)
    tensor([[-2.]])
    """
    return torch.matmul((post_free - post_clamped).mT, pre_clamped).div_(beta * pre_clamped.shape[-2])


def predictive_rule_bias(
    post_clamped: Float[Tensor, "*s b post"], post_free: Float[Tensor, "*s b post"], *, beta: float
) -> Float[Tensor, "*s post"]:
    """Eq. 10 for a bias: a synapse whose presynaptic neuron is always 1."""
    return (post_free - post_clamped).sum(-2).div_(beta * post_free.shape[-2])


class Credit(NamedTuple):
    """How a loss changes with what each unit adds up, direct and through the loop: `[b, hidden]` and `[b, out]`."""

    hidden: Tensor
    output: Tensor


def implicit_credit(
    score_gradient: Float[Tensor, "b out"],
    hidden: Float[Tensor, "b hidden"],
    scores: Float[Tensor, "b out"],
    w_out: Float[Tensor, "out hidden"],
    *,
    gamma: float,
) -> Credit:
    r"""Exact gradient of a loss at the free equilibrium, without going back through the steps that led there.

    At the equilibrium h = relu(a), a = drive + gamma W2' o, o = hardsig(s), s = W2 h + b2. A loss L(s) then has the
    gradients c_s = dL/ds + D_o gamma W2 c_a and c_a = D_h W2' c_s, where D_o and D_h are 1 for units on the slope of
    their non-linearity and 0 elsewhere (implicit function theorem; Ernoult et al. 2019 show that backpropagation
    through time converges to it). Eliminating c_a leaves one linear system in the few output units per example:
    (1 - gamma D_o W2 D_h W2') c_s = dL/ds.

    Args:
        score_gradient: dL/ds with the loop cut, each example's own.
        hidden: h.
        scores: s.
        w_out: W2.
        gamma: feedback scaling.

    >>> one = torch.ones(1, 1)
    >>> credit = implicit_credit(one, one, one / 2, one / 2, gamma=1.0)  # c_s = 1 / (1 - 1/4)
    >>> credit.output, credit.hidden
    (tensor([[1.3333]]), tensor([[0.6667]]))
    """
    out = len(w_out)
    on_h = (hidden > 0).to(hidden)
    on_o = ((scores > 0) & (scores < 1)).to(scores)
    pairs = (w_out[:, None] * w_out).flatten(0, 1)
    loop = gamma * on_o[:, :, None] * (on_h @ pairs.T).unflatten(1, (out, out))
    output = torch.linalg.solve(torch.eye(out).to(loop) - loop, score_gradient)
    return Credit(on_h * (output @ w_out), output)
