"""Muon: the momentum of every matrix made orthogonal (Jordan et al. 2024, kellerjordan.github.io).

Each step moves a weight matrix by the nearest (semi-)orthogonal matrix to its momentum, found by
five Newton-Schulz iterations, so that no direction of a layer learns much faster than the others.
The step is scaled as in Moonlight (arXiv:2502.16982, section 2.2), to the size of AdamW's: the two
share a learning rate. Convolutions are matrices of their output channels.

torch.optim.Muon takes matrices alone, one by one, and iterates in bfloat16, which is twenty times
slower than float32 on a processor without native bfloat16. Here matrices of one shape go through
one product: on a GPU that saves most of the launches, on a processor it costs and brings nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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
        """Take one step; a closure is not supported."""
        if closure is not None:
            raise NotImplementedError("Muon takes no closure")
        for group in self.param_groups:
            alike: defaultdict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike[parameter.shape[0], parameter[0].numel()].append(parameter)
            for shape, parameters in alike.items():
                self._move(parameters, shape, group)

    def _move(
        self, parameters: Sequence[nn.Parameter], shape: tuple[int, int], group: dict[str, Any]
    ) -> None:
        """Move parameters that are matrices of one shape, all in one product."""
        grads = [p.grad for p in parameters if p.grad is not None]
        for parameter in parameters:
            if "momentum" not in self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        momenta = [self.state[parameter]["momentum"] for parameter in parameters]
        torch._foreach_mul_(momenta, group["momentum"])
        torch._foreach_add_(momenta, grads)
        ahead = torch._foreach_add(grads, momenta, alpha=group["momentum"])
        updates = orthogonal(torch.stack([each.reshape(shape) for each in ahead]))
        moved: list[Tensor] = [*parameters]
        torch._foreach_mul_(moved, 1 - group["lr"] * group["weight_decay"])
        reach = group["lr"] * _MATCHED * max(shape) ** 0.5
        shaped = [u.reshape(p.shape) for u, p in zip(updates, parameters, strict=True)]
        torch._foreach_add_(moved, shaped, alpha=-reach)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return matrices (..., m, n) with their singular vectors and singular values near 1.

    On a GPU they are found in bfloat16, as by the method's authors.
    """
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    wide: Tensor = matrices.mT if tall else matrices
    wide = wide / (wide.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    wide = wide if wide.device.type == "cpu" else wide.bfloat16()
    for _ in range(_ITERATIONS):
        gram = wide @ wide.mT
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return (wide.mT if tall else wide).to(matrices.dtype)


def suits(name: str, parameter: Tensor) -> bool:
    """Tell whether a parameter of a network is a hidden layer's weight, which Muon is for.

    Tables of embeddings and the first and last layer are not, nor are vectors.
    """
    if parameter.ndim < 2 or "embed" in name or "conv_in" in name or "conv_out" in name:
        return False
    return min(parameter.shape[0], parameter[0].numel()) >= LEAST_SIDE
