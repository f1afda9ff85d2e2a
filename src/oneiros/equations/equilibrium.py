r"""Equilibrium propagation in a network of one hidden layer, as pure functions.

Source: Kubo, Delanois & Bazhenov 2025, Eqs. 5-10 (EP: Scellier & Bengio 2017; the predictive rule:
Luczak et al. 2022). Symbols: x input, h hidden state, o output state, `w_out` (out x hidden) the weights
hidden -> output, whose transpose feeds back, `drive` = W1 x + b1 (constant within a phase, so computed once).
Leading batch dimensions are accepted everywhere.
"""

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
    w_out: Float[Tensor, "out hidden"],
    *,
    gamma: float,
) -> Float[Tensor, "*b hidden"]:
    """What the hidden layer relaxes towards, Eq. 6: relu(W1 x + b1 + gamma W2' o).

    >>> hidden_target(torch.tensor([[1.0]]), torch.tensor([[0.5]]), torch.tensor([[-4.0]]), gamma=1.0)
    tensor([[0.]])
    """
    return torch.relu(torch.add(drive, output @ w_out, alpha=gamma))


def output_target(
    hidden: Float[Tensor, "*b hidden"], w_out: Float[Tensor, "out hidden"], b_out: Float[Tensor, " out"]
) -> Float[Tensor, "*b out"]:
    """What the output layer relaxes towards, Eq. 5: hardsig(W2 h + b2)."""
    return hard_sigmoid(hidden @ w_out.T + b_out)


def euler_step(  # noqa: PLR0913 (the equation has that many symbols)
    hidden: Float[Tensor, "*b hidden"],
    output: Float[Tensor, "*b out"],
    drive: Float[Tensor, "*b hidden"],
    w_out: Float[Tensor, "out hidden"],
    b_out: Float[Tensor, " out"],
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
    post_clamped: Float[Tensor, "b post"],
    post_free: Float[Tensor, "b post"],
    pre_clamped: Float[Tensor, "b pre"],
    *,
    beta: float,
) -> Float[Tensor, "post pre"]:
    """Descent direction of the predictive learning rule, Eq. 10, batch mean.

    Returned with a gradient's sign (minus the paper's Delta W / alpha), so that any optimiser can step on it.

    >>> predictive_rule(torch.tensor([[1.0]]), torch.tensor([[0.5]]), torch.tensor([[2.0]]), beta=0.5)
    tensor([[-2.]])
    """
    return torch.mm((post_free - post_clamped).T, pre_clamped).div_(beta * len(pre_clamped))


def predictive_rule_bias(
    post_clamped: Float[Tensor, "b post"], post_free: Float[Tensor, "b post"], *, beta: float
) -> Float[Tensor, " post"]:
    """Eq. 10 for a bias: a synapse whose presynaptic neuron is always 1."""
    return (post_free - post_clamped).sum(0).div_(beta * len(post_free))
