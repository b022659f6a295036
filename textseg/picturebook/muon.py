"""Muon: the momentum of every matrix made orthogonal (Jordan et al. 2024, kellerjordan.github.io).

Each step moves a weight matrix by the nearest (semi-)orthogonal matrix to its momentum, found by
five Newton-Schulz iterations, so that no direction of a layer learns much faster than the others.
The step is scaled as in Moonlight (arXiv:2502.16982, section 2.2), to the size of AdamW's: the two
share a learning rate. Convolutions are matrices of their output channels.

torch.optim.Muon takes matrices alone and iterates in bfloat16, which is twenty times slower than
float32 on a processor without native bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_MATCHED = 0.2  # root mean square of an update of AdamW
LEAST_SIDE = 32
"""Shorter sides make a matrix too small to be worth it."""


class Muon(Optimizer):
    """Orthogonal steps for weights of two or more dimensions.

    Args:
        parameters: of linear layers and convolutions, (outputs, ...).
        lr: learning rate, on the scale of AdamW's.
        momentum: of Nesterov's kind.
        weight_decay: as in AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        """Keep one momentum a parameter."""
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Takes one step; a closure is not supported."""
        if closure is not None:
            raise NotImplementedError("Muon takes no closure")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)

    def _move(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        grad, state = parameter.grad, self.state[parameter]
        assert grad is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].mul_(group["momentum"]).add_(grad)
        ahead = grad.add(state["momentum"], alpha=group["momentum"]).flatten(1)
        update = orthogonal(ahead).view_as(parameter)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update, alpha=-group["lr"] * _MATCHED * max(ahead.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Returns a matrix with the singular vectors of the given one and singular values near 1."""
    a, b, c = _COEFFICIENTS
    wide: Tensor = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


def suits(name: str, parameter: Tensor) -> bool:
    """Tells whether a parameter of a network is a hidden layer's weight, which Muon is for.

    Tables of embeddings and the first and last layer are not, nor are vectors.
    """
    if parameter.ndim < 2 or "embed" in name or "conv_in" in name or "conv_out" in name:
        return False
    return min(parameter.shape[0], parameter[0].numel()) >= LEAST_SIDE
