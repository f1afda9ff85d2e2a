"""Perturbed and adversarial dreaming: the equations of Deperrois, Petrovici, Senn & Jordan 2022 (Methods).

Where the paper sums a squared error over dimensions and the authors' code takes its mean, these functions follow
the code: only means make the "equal weights" of all losses true, and the published numbers were made with them.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import softplus


def reconstruction(found: Float[Tensor, "*shape"], wanted: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """L_img and L_NREM, Eqs. 2 and 6: squared error, mean over all elements (paper: sum over dimensions, mean over b).

    >>> reconstruction(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]]))
    tensor(5.)
    """
    return (found - wanted).square().mean()


def divergence(z: Float[Tensor, "b latent"]) -> Float[Tensor, ""]:
    r"""L_KL, Eq. 4: (mu_j^2 + sigma_j^2 - 1 - log sigma_j^2) / 2, mean over latents j.

    mu and sigma are the mean and the standard deviation of latent j over the batch. The paper does not say whether
    sigma divides by b or b - 1; the authors' code divides by b - 1, and so does this.

    >>> divergence(torch.tensor([[-1.0], [1.0]]))  # mu = 0, sigma^2 = 2
    tensor(0.1534)
    """
    if len(z) < 2:
        raise ValueError(f"the spread of {len(z)} latent cannot be told: expected a batch of at least 2")
    mean, variance = z.mean(0), z.var(0)
    return 0.5 * (mean.square() + variance - 1 - variance.log()).mean()


def taken_for_external(score: Float[Tensor, " b"]) -> Float[Tensor, ""]:
    """L_real, Eq. 5: -log d, d = sigmoid(score), mean over the batch; the target is "external".

    Written on the score and not on d, so that it stays finite where d rounds to 0.

    >>> taken_for_external(torch.tensor([0.0]))
    tensor(0.6931)
    """
    return softplus(-score).mean()


def taken_for_internal(score: Float[Tensor, " b"]) -> Float[Tensor, ""]:
    """L_REM, Eq. 8: -log(1 - d), d = sigmoid(score), mean over the batch; the target is "internal".

    >>> taken_for_internal(torch.tensor([0.0]))
    tensor(0.6931)
    """
    return softplus(score).mean()


def reverse_gradient(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """`x` itself, but gradients pass with their sign switched (Eq. 7: "a sign switch of weight changes in G").

    2x - x is x exactly, also in rounding.

    >>> x = torch.tensor([3.0], requires_grad=True)
    >>> y = reverse_gradient(x); y.backward(); y.item(), x.grad.item()
    (3.0, -1.0)
    """
    return 2 * x.detach() - x


def mixture(
    present: Float[Tensor, "b latent"],
    previous: Float[Tensor, "b latent"],
    noise: Float[Tensor, "b latent"],
    *,
    memories: float,
    newest: float,
) -> Float[Tensor, "b latent"]:
    """Z_mix = lambda (lambda' Z + (1 - lambda') Z_old) + (1 - lambda) epsilon; lambda = `memories`, lambda' = `newest`.

    >>> mixture(torch.tensor([[8.0]]), torch.tensor([[4.0]]), torch.tensor([[2.0]]), memories=0.5, newest=0.5)
    tensor([[4.]])
    """
    return memories * (newest * present + (1 - newest) * previous) + (1 - memories) * noise


def occlusion(
    tiles: Float[Tensor, "n rows columns"],
    probability: Float[Tensor, ""] | float,
    size: Int[Tensor, ""] | int,
    shape: tuple[int, int],
) -> Bool[Tensor, "n 1 height width"]:
    """Omega, "Image occlusion": which pixels stay visible when squares of `size` pixels cover the image at random.

    The image is cut into squares from its upper left corner, those at the far edges truncated; each is covered
    with `probability`. `tiles` are uniform in [0, 1), one for each square, and may be more than are needed. Probability
    and size may be tensors on a device: nothing here waits for them.

    >>> occlusion(torch.tensor([[[0.9, 0.1], [0.1, 0.9]]]), 0.5, 2, (3, 3)).int()[0, 0]
    tensor([[1, 1, 0],
            [1, 1, 0],
            [0, 0, 1]], dtype=torch.int32)
    """
    row, column = (torch.arange(length, device=tiles.device) // size for length in shape)
    return (tiles >= probability)[:, row[:, None], column].unsqueeze(1)
