from __future__ import annotations

import pytest
import torch
from torch import nn

from textseg.lab.training.muon import LEAST_SIDE, Muon, orthogonal, suits


@pytest.mark.parametrize("shape", [(32, 48), (48, 32), (40, 40)])
def test_the_singular_values_of_an_update_are_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values[: min(shape) - 2].min() > 0.5
    assert values.max() < 1.3


def test_an_update_keeps_the_singular_vectors():
    left, _ = torch.linalg.qr(torch.randn(32, 32, generator=torch.Generator().manual_seed(0)))
    matrix = left @ torch.diag(torch.linspace(1, 3, 32))
    torch.testing.assert_close(
        left.T @ orthogonal(matrix),
        torch.diag(torch.diagonal(left.T @ orthogonal(matrix))),
        atol=1e-4,
        rtol=0,
    )


def test_a_step_has_the_size_of_a_step_of_adamw_whatever_the_gradient():
    weight = nn.Parameter(torch.zeros(64, 32, 3, 3))
    weight.grad = 1e-6 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    Muon([weight], 0.1, weight_decay=0.0).step()
    assert weight.detach().square().mean().sqrt().item() == pytest.approx(0.1 * 0.2, rel=0.2)


def test_a_convolution_moves_as_its_matrix_in_any_memory_format():
    moved = []
    for memory in (torch.contiguous_format, torch.channels_last):
        drawn = torch.Generator().manual_seed(0)
        weight = nn.Parameter(torch.randn(32, 32, 3, 3, generator=drawn).to(memory_format=memory))
        weight.grad = torch.randn(weight.shape, generator=drawn)
        optimizer = Muon([weight], 0.1)
        optimizer.step()
        optimizer.step()
        moved.append(weight.detach().contiguous())
    torch.testing.assert_close(*moved, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "shapes", [[(32, 48), (32, 16, 3, 1)], [(48, 32)] * 3, [(32, 48), (48, 32)]]
)
def test_matrices_move_together_as_they_do_alone(shapes):
    drawn = torch.Generator().manual_seed(0)
    together = [nn.Parameter(torch.randn(shape, generator=drawn)) for shape in shapes]
    alone = [nn.Parameter(parameter.detach().clone()) for parameter in together]
    grads = [torch.randn(shape, generator=drawn) for shape in shapes]
    optimizers = [Muon(together, 0.1), *(Muon([parameter], 0.1) for parameter in alone)]
    for _ in range(2):
        for parameter, grad in zip([*together, *alone], 2 * grads, strict=True):
            parameter.grad = grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for ours, theirs in zip(together, alone, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_parameters_without_a_gradient_stay():
    weight = nn.Parameter(torch.ones(32, 32))
    Muon([weight], 0.1).step()
    assert (weight == 1).all()


@pytest.mark.parametrize(
    ("name", "shape", "suitable"),
    [
        ("unet.down_blocks.0.resnets.0.conv1.weight", (64, 64, 3, 3), True),
        ("text_encoder.encoder.layers.0.mlp.fc1.weight", (256, 128), True),
        ("unet.down_blocks.0.resnets.0.conv1.bias", (64,), False),
        ("unet.conv_in.weight", (64, 4, 3, 3), False),
        ("text_encoder.embeddings.token_embedding.weight", (652, 128), False),
        ("unet.small.weight", (LEAST_SIDE - 1, 64), False),
    ],
)
def test_muon_is_for_the_weights_of_hidden_layers(name, shape, suitable):
    assert suits(name, torch.zeros(shape)) is suitable
