"""Parts that are handed over in training mode: asked without dropout, and left as they were."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from tests.tiny import FAMILIES, build_sd, in_training
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.backends.evaluation import evaluating
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise
from textseg.registry.families import wrap_family

PICTURE = draw_noise((1, 3, 32, 48), seed=0).sigmoid()


@torch.no_grad()
def answers(model: DiffusionModel) -> dict[str, torch.Tensor]:
    latents = model.encode_image(PICTURE)
    text = model.embed_text(["a red tree"])
    return {
        "encode_image": latents,
        "decode_latents": model.decode_latents(latents),
        "embed_text": text.embeddings,
        "predict": model.predict(latents, 0.5, text).eps,
    }


def modes(pipeline: Any) -> dict[str, bool]:
    return {
        f"{name}.{path}": module.training
        for name, part in pipeline.components.items()
        if isinstance(part, torch.nn.Module)
        for path, module in part.named_modules()
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_in_training_mode_answer_as_in_evaluation_mode(family: str) -> None:
    expected = answers(wrap_family(FAMILIES[family]()))
    found = answers(wrap_family(in_training(FAMILIES[family]())))
    for name, answer in expected.items():
        assert torch.equal(found[name], answer), name


def mixed(pipeline: Any) -> Any:
    """Every third module in training mode, as somebody may leave it who trains some of it."""
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        for number, module in enumerate(part.modules()):
            module.training = number % 3 == 1
    return pipeline


@pytest.mark.parametrize("prepare", [in_training, mixed])
def test_every_module_gets_its_own_mode_back(prepare: Callable[[Any], Any]) -> None:
    pipeline = prepare(build_sd())
    before = modes(pipeline)
    assert any(before.values())
    answers(wrap_pipeline(pipeline))
    assert modes(pipeline) == before


def test_modes_come_back_after_an_error() -> None:
    class Stopped(BaseException):
        """As an interrupt from the keyboard: no Exception."""

    def fail(*_: object) -> None:
        raise Stopped

    pipeline = mixed(build_sd())
    before = modes(pipeline)
    pipeline.unet.mid_block.register_forward_pre_hook(fail)
    with pytest.raises(Stopped):
        answers(wrap_pipeline(pipeline))
    assert modes(pipeline) == before


def test_questions_about_one_network_may_nest_and_share_modules() -> None:
    inner, outer = torch.nn.Dropout(), torch.nn.Sequential(torch.nn.Dropout())
    outer.append(inner)
    with evaluating(outer, inner):
        with evaluating(inner):
            assert not inner.training
        assert not inner.training
        assert not outer.training
    assert all(module.training for module in outer.modules())


def test_no_thread_sees_training_mode_return_while_it_asks() -> None:
    """One question waits in the middle of the network until another one is through."""
    model = wrap_pipeline(pipeline := in_training(build_sd()))
    with torch.no_grad():
        text, z = model.embed_text(["tree"]), draw_noise((1, 4, 8, 12), seed=0)
    first, waiting, through = threading.local(), threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        if getattr(first, "here", False):
            waiting.set()
            assert through.wait(60)

    pipeline.unet.down_blocks[0].register_forward_pre_hook(wait)

    def ask(is_first: bool) -> torch.Tensor:
        first.here = is_first
        with torch.no_grad():
            return model.predict(z, 0.5, text).eps

    alone = ask(False)
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(ask, True)
        assert waiting.wait(60)
        assert torch.equal(pool.submit(ask, False).result(60), alone)
        assert not any(module.training for module in pipeline.unet.modules())
        through.set()
        assert torch.equal(early.result(60), alone)
    assert all(module.training for module in pipeline.unet.modules())


def test_many_threads_get_the_answers_of_one() -> None:
    model = wrap_pipeline(pipeline := in_training(build_sd()))
    with torch.no_grad():
        text, z = model.embed_text(["tree"]), draw_noise((1, 4, 8, 12), seed=0)
        alone = model.predict(z, 0.5, text).eps

    def ask(_: int) -> torch.Tensor:
        with torch.no_grad():
            return model.predict(z, 0.5, text).eps

    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(answer, alone) for answer in pool.map(ask, range(40)))
    assert all(modes(pipeline).values())
