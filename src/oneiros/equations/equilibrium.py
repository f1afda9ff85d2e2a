r"""Equilibrium propagation in a network of one hidden layer, as pure functions.

Source: Kubo, Delanois & Bazhenov 2025, Eqs. 5-10 (EP: Scellier & Bengio 2017; the predictive rule:
Luczak et al. 2022). Symbols: x input, h hidden state, o output state, `w_out` (out x hidden) the weights
hidden -> output, whose transpose feeds back, `drive` = W1 x + b1 (constant within a phase, so computed once).
Leading batch dimensions are accepted everywhere, of the weights too: several networks at once, `[s, b, ...]`.
"""

from collections.abc import Callable
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


def equilibrium_credit(  # noqa: PLR0913 (the equation has that many symbols)
    score_gradient: Float[Tensor, "b out"],
    hidden: Float[Tensor, "b hidden"],
    scores: Float[Tensor, "b out"],
    w_out: Float[Tensor, "out hidden"],
    *,
    gamma: float,
    dt: float,
    steps: int,
) -> Credit:
    r"""Gradient of a loss L(s) on going back through `steps` Euler steps at the free equilibrium, in closed form.

    At rest every step has the same Jacobian J = (1 - dt) + dt K, where K takes a change of the hidden layer to
    the outputs and back (D_o W2 and D_h gamma W2'; D is 1 for units on the slope of their non-linearity, else 0). Going
    back adds up dt sum_k J'^k dL, k < `steps`. K K acts on the few outputs alone, as P = gamma D_o W2 D_h W2', so with
    g = dL/ds the sum is F(P) g and what is left to go back is E(P) g: functions of P's eigenvalues mu = s^2, by
    `_sum_of_powers`. P is symmetric and without negative eigenvalues among outputs on their slope.

    As `steps` grows, F(P) g tends to (1 - P)^-1 g, the implicit function theorem's gradient (Ernoult et al. 2019), if
    all mu < 1: the loop forgets. That limit has no bound as mu nears 1; a hundred steps of 0.2 have: |F| <= 10.25.
    A mu above 1 belongs to a state that still moves away. There is no gradient at rest to be had of it, and mu
    counts as 1.

    Args:
        score_gradient: dL/ds with the loop cut, each example's own.
        hidden: h.
        scores: s = W2 h + b2.
        w_out: W2.
        gamma: feedback scaling.
        dt: Euler step (Table 1: 0.2).
        steps: how many to go back through (Table 1: 100).

    >>> one = torch.ones(1, 1)
    >>> credit = equilibrium_credit(one, one, one / 2, one / 2, gamma=1.0, dt=1.0, steps=3)  # J: h -> o / 2 -> h / 4
    >>> credit.hidden, credit.output  # output: 1 + 1/4, and what the third step has still to go back: 0
    (tensor([[0.6250]]), tensor([[1.2500]]))
    """
    on_h = (hidden > 0).to(hidden)
    on_o = ((scores > 0) & (scores < 1)).double()
    pairs = (w_out[:, None] * w_out).flatten(0, 1)
    loop = gamma * (on_h @ pairs.T).unflatten(1, (len(w_out), len(w_out))).double() * on_o[:, :, None]
    mu, modes = torch.linalg.eigh(loop * on_o[:, None])
    mu = mu.clamp_min(1e-8)  # below that, the difference quotient would be rounding; it is constant there
    g = score_gradient.double()
    heard = modes.mT @ (loop @ g[..., None])

    def function_of_loop(gain: Callable[[Tensor], Tensor]) -> Tensor:
        at_rest = gain(torch.zeros_like(mu))
        # f(P) g = f(0) g + (f(P) - f(0)) / P  P g, where P g lies among the outputs on their slope.
        return (
            at_rest[:, :1] * g + (modes @ ((gain(mu.clamp_max(1)) - at_rest) / mu)[..., None].mul(heard))[..., 0]
        ).to(w_out)

    summed = function_of_loop(lambda mu: _even(lambda x: _sum_of_powers(x, dt=dt, steps=steps), mu))
    left = function_of_loop(lambda mu: _even(lambda x: (1 - dt + dt * x) ** steps, mu))
    return Credit(on_h * (summed @ w_out), summed + left)


def _even(f: Callable[[Tensor], Tensor], mu: Tensor) -> Tensor:
    """What f of a loop through two layers brings back to the first: its eigenvalues are sqrt(mu) and -sqrt(mu)."""
    return (f(mu.sqrt()) + f(-mu.sqrt())) / 2


def _sum_of_powers(x: Tensor, *, dt: float, steps: int) -> Tensor:
    """Sum of dt (1 - dt + dt x)^k over k < `steps`: 1 / (1 - x) but for what many steps leave; dt `steps` at x = 1.

    >>> _sum_of_powers(torch.tensor([0.0, 1.0]), dt=0.5, steps=2)
    tensor([0.7500, 1.0000])
    """
    away = 1 - x
    none = away.abs() < 1e-9
    return torch.where(none, dt * steps, (1 - (1 - dt * away) ** steps) / torch.where(none, 1.0, away))
