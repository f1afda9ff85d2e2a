"""MRNN: a convergent recurrent network of one hidden layer (Kubo et al. 2025, Fig. 2 left).

The output feeds back to the hidden layer through the transpose of the hidden-to-output weights, so for a
constant input the states settle in an equilibrium. Two ways to get there, chosen by which object is given:
`Euler` is the paper's integration, step by step; `FixedPoint` solves for the same equilibrium directly.
On the CPU both run compiled (`oneiros.equations.compiled.equilibrium`), elsewhere as the tensor equations: where a
tensor lives decides, and the two are tested equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import one_hot

from oneiros.equations import compiled
from oneiros.equations.equilibrium import euler_step, hidden_target, nudging, output_target, predictive_rule
from oneiros.nets.modes import in_full


class States(NamedTuple):
    """Activities of both layers: `hidden` `[b, hidden]`, `output` `[b, out]`."""

    hidden: Tensor
    output: Tensor


class Circuit(NamedTuple):
    """What the dynamics need and what stays constant while they run; of one net, or of `s` nets in a stack."""

    drive: Tensor  # W1 x + b1, [b, hidden] or [s, b, hidden]
    w_out: Tensor  # W2, [out, hidden] or [s, out, hidden]
    b_out: Tensor  # b2, [out] or [s, 1, out]
    gamma: float

    @property
    def compiled(self) -> bool:
        """Whether the CPU kernels run: they need one net's plain CPU tensors and record no gradient."""
        return self.drive.device.type == compiled.HOME and not torch.is_grad_enabled() and self.drive.ndim == 2

    def arrays(self) -> tuple[NDArray, NDArray, NDArray]:
        """`drive`, `w_out` and `b_out` for the kernels, without a copy."""
        return self.drive.numpy(), self.w_out.numpy(), self.b_out.numpy()


@runtime_checkable
class Relaxation(Protocol):
    """Finds the free equilibrium of a circuit."""

    def __call__(self, circuit: Circuit) -> States:
        """States at the free equilibrium."""
        ...


@dataclass(frozen=True, kw_only=True)
class Euler:
    """The free phase as published: `steps` Euler steps of size `dt` from zero (Table 1: 100 of 0.2)."""

    steps: int = 100
    dt: float = 0.2

    def __call__(self, circuit: Circuit) -> States:
        """Settle from rest."""
        if circuit.compiled:
            return _states(
                compiled.equilibrium.relax_euler(*circuit.arrays(), gamma=circuit.gamma, dt=self.dt, steps=self.steps)
            )
        hidden, output = _rest(circuit)
        for _ in range(self.steps):
            hidden, output = euler_step(hidden, output, *circuit[:3], gamma=circuit.gamma, dt=self.dt)
        return States(hidden, output)


@dataclass(frozen=True, kw_only=True)
class FixedPoint:
    """The same equilibrium by fixed-point iteration (dt = 1, Gauss-Seidel).

    The equilibrium is a fixed point in the few output units only: o = F(o) with
    F(o) = hardsig(W2 relu(drive + gamma W2' o) + b2). Iterating F contracts fast while feedback is weak.
    Where it has not met `tolerance` (largest change of an output; keep it above the rounding of the number
    format) after `passes`, the paper's Euler steps take over from the state reached, which converge for a
    wider range of weights. Compiled, each sample stops by itself; as tensors, the batch goes on together; in a
    stack, each net stops by itself, so that it does what it would alone.
    """

    tolerance: float = 1e-6
    passes: int = 40
    fallback: Euler = Euler()

    def __call__(self, circuit: Circuit) -> States:
        """Settle from rest."""
        if circuit.compiled:
            return _states(
                compiled.equilibrium.relax_fixed_point(
                    *circuit.arrays(), gamma=circuit.gamma, tolerance=self.tolerance, passes=self.passes,
                    dt=self.fallback.dt, steps=self.fallback.steps,
                )
            )  # fmt: skip
        if circuit.drive.ndim == 3:
            return self._stacked(circuit)
        drive, w_out, b_out, gamma = circuit
        hidden, output = _rest(circuit)
        for _ in range(self.passes):
            hidden = hidden_target(drive, output, w_out, gamma=gamma)
            before, output = output, output_target(hidden, w_out, b_out)
            if (output - before).abs().max() <= self.tolerance:
                return States(hidden, output)
        for _ in range(self.fallback.steps):
            hidden, output = euler_step(hidden, output, drive, w_out, b_out, gamma=gamma, dt=self.fallback.dt)
        return States(hidden, output)

    def _stacked(self, circuit: Circuit) -> States:
        drive, w_out, b_out, gamma = circuit
        before = output = _rest(circuit).output
        going = torch.ones_like(drive[:, :1, :1], dtype=torch.bool)
        for _ in range(self.passes):
            towards = output_target(hidden_target(drive, output, w_out, gamma=gamma), w_out, b_out)
            before, output = torch.where(going, output, before), torch.where(going, towards, output)
            going = (output - before).abs().amax((1, 2), keepdim=True) > self.tolerance
            if not going.any():
                break
        # Only outputs were held where a net had settled: they are few, and say what the hidden layer was.
        settled = States(hidden_target(drive, before, w_out, gamma=gamma), output)
        if not going.any():
            return settled
        hidden, output = settled
        for _ in range(self.fallback.steps):
            hidden, output = euler_step(hidden, output, drive, w_out, b_out, gamma=gamma, dt=self.fallback.dt)
        return States(torch.where(going, hidden, settled.hidden), torch.where(going, output, settled.output))


def _rest(circuit: Circuit) -> States:
    out = circuit.b_out.shape[-1]
    return States(torch.zeros_like(circuit.drive), circuit.drive.new_zeros(*circuit.drive.shape[:-1], out))


def _states(arrays: tuple[NDArray, NDArray]) -> States:
    return States(torch.from_numpy(arrays[0]), torch.from_numpy(arrays[1]))


def _mostly_zero(x: Tensor) -> bool:
    return x.device.type == compiled.HOME and not torch.is_grad_enabled() and compiled.sparse_input.worth_it(x.numpy())


class EquilibriumRNN(nn.Module):
    """MRNN-EP of the paper: input -> hidden (relu) <-> output (hard sigmoid).

    Args:
        sizes: input, hidden, output units; 784-1024-10 for MNIST. The paper prints 782 inputs; 28 x 28 is 784.
        gamma: feedback scaling (Eq. 6; Table 1: 1.0).
        relaxation: how the free phase finds its equilibrium.
    """

    def __init__(
        self, sizes: tuple[int, int, int], *, gamma: float = 1.0, relaxation: Relaxation | None = None
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(sizes[0], sizes[1])
        # Same shape, but one input's synapses side by side in memory: mostly zero inputs then skip whole rows.
        self.hidden.weight = nn.Parameter(self.hidden.weight.detach().T.contiguous().T)
        self.output = nn.Linear(sizes[1], sizes[2])
        self.gamma = gamma
        self.relaxation = relaxation or FixedPoint()

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Input, hidden, output units."""
        return self.hidden.in_features, self.hidden.out_features, self.output.out_features

    def circuit(self, x: Float[Tensor, "b ..."]) -> Circuit:
        """The dynamics' constants for these inputs (flattened to `[b, input]`)."""
        x = x.flatten(1)
        if _mostly_zero(x):
            weight, bias = self.hidden.weight.detach(), self.hidden.bias.detach()
            drive = torch.from_numpy(
                compiled.sparse_input.affine(x.numpy(), np.ascontiguousarray(weight.numpy().T), bias.numpy())
            )
        else:
            drive = self.hidden(x)
        return Circuit(drive, self.output.weight, self.output.bias, self.gamma)

    def input_rule(
        self, clamped: States, free: States, x: Float[Tensor, "b pre"], *, beta: float
    ) -> Float[Tensor, "post pre"]:
        """Eq. 10 for the synapses input -> hidden: `predictive_rule`, skipping inputs that are 0."""
        if not _mostly_zero(x):
            return predictive_rule(clamped.hidden, free.hidden, x, beta=beta)
        return self.from_inputs(x, (free.hidden - clamped.hidden).div_(beta * len(x)))

    def from_inputs(self, x: Float[Tensor, "b pre"], post: Float[Tensor, "b post"]) -> Float[Tensor, "post pre"]:
        """Sum over examples of post times input, skipping inputs that are 0."""
        if not _mostly_zero(x):
            return post.T @ x
        return torch.from_numpy(compiled.sparse_input.outer_sum(x.numpy(), post.numpy())).T

    def free(self, circuit: Circuit) -> States:
        """Free equilibrium, Eqs. 5 and 6."""
        return self.relaxation(circuit)

    def clamped(
        self, circuit: Circuit, free: States, labels: Int[Tensor, "*s b"], *, beta: float, dt: float, steps: int
    ) -> States:
        """Weakly clamped states: `steps` Euler steps from the free ones, output nudged to the labels (Eqs. 6-8)."""
        if circuit.compiled:
            states = free.hidden.numpy(), free.output.numpy(), labels.numpy()
            return _states(
                compiled.equilibrium.clamp(
                    *circuit.arrays(), *states, gamma=circuit.gamma, beta=beta, dt=dt, steps=steps
                )
            )
        hidden, output = free
        target = one_hot(labels, circuit.b_out.shape[-1]).to(output)
        for _ in range(steps):
            nudge = nudging(output, target, beta=beta)
            hidden, output = euler_step(hidden, output, *circuit[:3], gamma=circuit.gamma, dt=dt, nudge=nudge)
        return States(hidden, output)

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b out"]:
        """Class scores: the output units' input W2 h + b2 at the free equilibrium.

        The output state is these scores clipped to [0, 1], so its order is the same except that
        scores below 0 (or above 1), which the clipping makes equal, keep theirs.
        """
        return self.output(self.activity(x))

    @in_full()
    def activity(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b hidden"]:
        """The hidden layer at the free equilibrium."""
        return self.free(self.circuit(x)).hidden


def stacked(nets: Sequence[EquilibriumRNN], x: Float[Tensor, "s b pre"]) -> Circuit:
    """The dynamics' constants of several nets, each with inputs of its own, as one circuit of dense tensors.

    Raises:
        ValueError: the nets differ in more than their weights.
    """
    first = nets[0]
    for net in nets[1:]:
        if (net.gamma, net.relaxation) != (first.gamma, first.relaxation) or net.sizes != first.sizes:
            raise ValueError(
                f"nets in a stack differ in their weights only, but one is {first.sizes}, gamma {first.gamma}, "
                f"{first.relaxation}, and another {net.sizes}, gamma {net.gamma}, {net.relaxation}"
            )
    w_in = torch.stack([net.hidden.weight.T for net in nets])  # by input, which is how they lie in memory
    drive = torch.baddbmm(torch.stack([net.hidden.bias for net in nets])[:, None], x, w_in)
    w_out, b_out = (torch.stack([getattr(net.output, name) for net in nets]) for name in ("weight", "bias"))
    return Circuit(drive, w_out, b_out[:, None], first.gamma)
