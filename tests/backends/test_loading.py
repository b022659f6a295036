from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from tests.tiny import FAMILIES, build_sd, build_xl, change_weights, drop_a_bias
from tests.tiny_parts import build_scheduler
from textseg.backends.diffusers_unet import load_unet_model, wrap_pipeline
from textseg.backends.loading import explained_loading
from textseg.errors import InvalidInputError, ModelError, UnsupportedError
from textseg.registry.captioners import load_captioner
from textseg.registry.families import wrap_family
from textseg.registry.models import load_model


@pytest.fixture
def broken(tiny_folders: Mapping[str, Path], tmp_path: Path) -> Path:
    """A checkpoint of its own, to break."""
    return shutil.copytree(tiny_folders["sd1"], tmp_path / "broken")


def edit_json(path: Path, change: Callable[[dict], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def load(source: str | Path):
    return load_unet_model(source, device="cpu", local_files_only=True)


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_saved_checkpoint_answers_as_the_pipeline_it_came_from(
    tiny_models, tiny_folders, family: str
) -> None:
    loaded, wrapped = tiny_models[family], wrap_family(FAMILIES[family]())
    channels = loaded.latent_channels
    z = torch.linspace(-2, 2, channels * 8 * 12).reshape(1, channels, 8, 12)
    answers = [model.predict(z, 0.5, model.embed_text(["tree"])).x0 for model in (loaded, wrapped)]
    torch.testing.assert_close(*answers, rtol=1e-4, atol=1e-5)
    assert loaded.name == str(tiny_folders[family])


def test_loading_leaves_the_global_generator_alone(tiny_folders) -> None:
    before = torch.random.get_rng_state()
    load(tiny_folders["xl"])
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_loading_prints_nothing(
    tiny_folders, dtype: str, capfd: pytest.CaptureFixture[str]
) -> None:
    load_unet_model(tiny_folders["xl"], device="cpu", dtype=dtype)
    assert capfd.readouterr() == ("", "")


def test_only_the_parts_that_are_needed_are_read(broken: Path) -> None:
    def add_checker(index: dict) -> None:
        index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]

    edit_json(broken / "model_index.json", add_checker)  # and no such folder
    assert load(broken).latent_channels == 4


@pytest.mark.parametrize(("upcast", "vae"), [(True, torch.float32), (False, torch.bfloat16)])
def test_the_autoencoder_stays_in_float32_where_its_config_asks(
    tmp_path: Path, upcast: bool, vae: torch.dtype, capfd: pytest.CaptureFixture[str]
) -> None:
    build_sd(force_upcast=upcast).save_pretrained(tmp_path)
    capfd.readouterr()
    model = load_unet_model(tmp_path, device="cpu", dtype="bfloat16")
    assert model.dtype == torch.bfloat16
    assert model._parts.vae.dtype == vae
    assert model._parts.text_encoders[0].dtype == torch.bfloat16
    assert capfd.readouterr() == ("", "")


def test_the_processor_computes_in_float32_by_default(tiny_models) -> None:
    assert tiny_models["xl"].dtype == torch.float32
    assert tiny_models["xl"].device == torch.device("cpu")


def test_loaded_weights_ask_for_no_gradient(tiny_models) -> None:
    parts = tiny_models["xl"]._parts
    for network in (parts.unet, parts.vae, *parts.text_encoders):
        assert not any(weight.requires_grad for weight in network.parameters())
        assert not network.training


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_a_model_error_that_names_the_remedy(broken: Path, part: str) -> None:
    shutil.rmtree(broken / part)
    with pytest.raises(ModelError, match="save_pretrained") as caught:
        load(broken)
    assert str(broken) in str(caught.value)


def test_a_folder_without_an_index_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model_index\.json"):
        load(tmp_path)


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_pickled_weights_are_never_read(broken: Path, part: str) -> None:
    class Trap:
        def __reduce__(self):
            return (open, (str(broken / "trapped"), "w"))

    name = {"unet": "diffusion_pytorch_model", "text_encoder": "model"}[part]
    (broken / part / f"{name}.safetensors").unlink()
    pickled = {"unet": f"{name}.bin", "text_encoder": "pytorch_model.bin"}[part]
    torch.save({"weight": Trap()}, broken / part / pickled)
    with pytest.raises(ModelError, match="safetensors"):
        load(broken)
    assert not (broken / "trapped").exists()


def test_truncated_weights_are_a_model_error(broken: Path) -> None:
    weights = broken / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"cannot be loaded: .*; a file is damaged: download it"):
        load(broken)


def test_weights_that_another_package_has_packed_name_that_package(broken: Path) -> None:
    packed = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    edit_json(
        broken / "unet" / "config.json", lambda config: config.update(quantization_config=packed)
    )
    with pytest.raises(ModelError, match="its unet is quantised by bitsandbytes"):
        load(broken)


def test_a_part_given_as_a_model_names_the_folder_around_it(broken: Path) -> None:
    with pytest.raises(ModelError, match="is a part of a model") as caught:
        load_model(broken / "unet", device="cpu")
    assert caught.value.hint == f"use {str(broken)!r}"


def test_weights_of_another_shape_are_a_model_error(broken: Path) -> None:
    edit_json(
        broken / "unet" / "config.json", lambda config: config.update(block_out_channels=[24, 32])
    )
    with pytest.raises(ModelError, match=r"the unet of .* weights of another shape"):
        load(broken)


NETWORKS = ["unet", "vae", "text_encoder", "text_encoder_2"]


@pytest.fixture
def broken_xl(tiny_folders: Mapping[str, Path], tmp_path: Path) -> Path:
    """A checkpoint with two text encoders of its own, to break."""
    return shutil.copytree(tiny_folders["xl"], tmp_path / "broken_xl")


@pytest.mark.parametrize("part", NETWORKS)
def test_a_single_missing_bias_is_a_model_error_that_names_part_and_weight(
    broken_xl: Path, part: str
) -> None:
    name = drop_a_bias(broken_xl / part)
    with pytest.raises(ModelError) as caught:
        load(broken_xl)
    assert (
        caught.value.message == f"the {part} of the model {str(broken_xl)!r} lacks 1 weight: {name}"
    )
    assert "again" in caught.value.hint


@pytest.mark.parametrize("part", NETWORKS)
def test_many_missing_weights_are_counted_and_some_of_them_named(
    broken_xl: Path, part: str
) -> None:
    change_weights(
        broken_xl / part,
        lambda weights: [
            weights.pop(name) for name in sorted(weights) if "attn" in name or "attentions" in name
        ],
    )
    with pytest.raises(ModelError, match=rf"the {part} of .* lacks \d\d+ weights: ") as caught:
        load(broken_xl)
    assert caught.value.message.endswith(", ...")
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("part", NETWORKS)
def test_a_weight_of_another_shape_is_a_model_error_that_names_part_and_weight(
    broken_xl: Path, part: str
) -> None:
    changed: list[tuple[str, int]] = []

    def lengthen(weights: dict[str, torch.Tensor]) -> None:
        name = next(name for name in sorted(weights) if name.endswith(".bias"))
        changed.append((name, len(weights[name])))
        weights[name] = torch.zeros(len(weights[name]) + 1)

    change_weights(broken_xl / part, lengthen)
    ((name, length),) = changed
    told = f"has 1 weight of another shape: {name} is ({length + 1},) instead of ({length},)"
    with pytest.raises(ModelError, match=re.escape(told)) as caught:
        load(broken_xl)
    assert f"the {part} of the model" in caught.value.message


def rename_as_in_old_files(weights: dict[str, torch.Tensor]) -> None:
    """As diffusers before 0.17 called the attention of an autoencoder."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for name in [name for name in weights if "attentions" in name]:
        for new, former in old.items():
            if f".{new}." in name:
                weights[name.replace(new, former)] = weights.pop(name)


def prefix_as_in_old_files(weights: dict[str, torch.Tensor]) -> None:
    """As transformers before 5 called the weights of a text encoder, with a buffer of then."""
    for name in [
        name for name in weights if not name.startswith(("text_model.", "text_projection"))
    ]:
        weights[f"text_model.{name}"] = weights.pop(name)
    weights["text_model.embeddings.position_ids"] = torch.arange(24)[None]


def add_an_average(weights: dict[str, torch.Tensor]) -> None:
    weights["model_ema.decay"] = torch.tensor(0.999)
    weights["model_ema.conv_in.bias"] = weights["conv_in.bias"] + 1


def test_old_names_and_further_weights_do_no_harm(tiny_models, broken_xl: Path) -> None:
    change_weights(broken_xl / "unet", add_an_average)
    change_weights(broken_xl / "vae", rename_as_in_old_files)
    change_weights(broken_xl / "text_encoder", prefix_as_in_old_files)
    change_weights(broken_xl / "text_encoder_2", prefix_as_in_old_files)
    found, expected = load(broken_xl)._parts, tiny_models["xl"]._parts
    pairs = zip(found.text_encoders, expected.text_encoders, strict=True)
    for ours, theirs in [(found.unet, expected.unet), (found.vae, expected.vae), *pairs]:
        kept = theirs.state_dict()
        assert ours.state_dict().keys() == kept.keys()
        assert all(torch.equal(weight, kept[name]) for name, weight in ours.state_dict().items())


def test_a_failed_loading_gives_the_default_precision_back(broken: Path) -> None:
    edit_json(
        broken / "unet" / "config.json", lambda config: config.update(block_out_channels=[24])
    )
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_unet_model(broken, device="cpu", dtype="bfloat16")
    assert torch.get_default_dtype() == torch.float32


def test_an_index_that_is_not_json_is_a_model_error(broken: Path) -> None:
    (broken / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(broken)


def test_a_scheduler_from_elsewhere_is_refused(broken: Path) -> None:
    edit_json(
        broken / "model_index.json",
        lambda index: index.update(scheduler=["os", "DiffusionPipeline"]),
    )
    with pytest.raises(UnsupportedError, match="scheduler 'DiffusionPipeline'"):
        load(broken)


@pytest.mark.parametrize(
    ("index", "named"),
    [
        (
            {
                "_class_name": "FluxPipeline",
                "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
                "text_encoder": ["transformers", "CLIPTextModel"],
                "text_encoder_2": ["transformers", "T5EncoderModel"],
                "tokenizer": ["transformers", "CLIPTokenizer"],
                "tokenizer_2": ["transformers", "T5TokenizerFast"],
                "transformer": ["diffusers", "FluxTransformer2DModel"],
                "vae": ["diffusers", "AutoencoderKL"],
            },
            "FluxPipeline has nothing as unet",
        ),
        (
            {
                "_class_name": "StableDiffusionXLImg2ImgPipeline",
                "scheduler": ["diffusers", "EulerDiscreteScheduler"],
                "text_encoder": [None, None],
                "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
                "tokenizer": [None, None],
                "tokenizer_2": ["transformers", "CLIPTokenizer"],
                "unet": ["diffusers", "UNet2DConditionModel"],
                "vae": ["diffusers", "AutoencoderKL"],
            },
            "nothing as text_encoder",
        ),
    ],
    ids=["flux", "xl refiner"],
)
def test_another_family_is_refused_before_its_weights_are_read(
    tmp_path: Path, index: dict, named: str
) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(UnsupportedError, match=named) as caught:
        load(tmp_path)
    assert "Stable Diffusion 1.x, 2.x and XL" in caught.value.hint


@pytest.mark.parametrize(
    ("unet", "complaint"),
    [
        ({"in_channels": 9}, "takes 9 channels"),
        ({"out_channels": 8}, "returns 8 channels"),
        ({"num_class_embeds": 10}, "label"),
        ({"addition_embed_type": "text"}, "asks for text"),
        ({"encoder_hid_dim": 32, "encoder_hid_dim_type": "text_proj"}, "text_proj"),
    ],
)
def test_variants_with_other_inputs_are_refused(unet: dict, complaint: str) -> None:
    with pytest.raises(UnsupportedError, match=complaint):
        wrap_pipeline(build_sd(unet=unet))


def test_an_xl_variant_with_other_size_inputs_is_refused() -> None:
    pipeline = build_xl()
    pipeline.unet.register_to_config(addition_time_embed_dim=16)
    with pytest.raises(UnsupportedError, match="size and style"):
        wrap_pipeline(pipeline)


def test_a_folder_with_nothing_but_a_single_file_is_refused_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"but single files: model\.safetensors"):
        load(tmp_path)


@pytest.mark.parametrize("file", ["model_index.json", "unet/diffusion_pytorch_model.safetensors"])
def test_a_file_of_a_model_is_refused_with_the_name_of_its_folder(tiny_folders, file: str) -> None:
    with pytest.raises(UnsupportedError, match="given by its folder") as caught:
        load_model(tiny_folders["sd1"] / file)
    assert caught.value.hint == f"use {str(tiny_folders['sd1'])!r}"


def test_an_empty_folder_is_called_empty(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is empty; the folder needs model_index\.json"):
        load(tmp_path)


@pytest.mark.parametrize("parts", [["unet"], ["unet", "vae", "text_encoder"]])
def test_weights_in_bin_files_are_refused_with_the_reason(broken: Path, parts: list[str]) -> None:
    for part in parts:
        (file,) = (broken / part).glob("*.safetensors")
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(ModelError, match=r"\.bin files, which are not read because they can run"):
        load(broken)


# of diffusers, which still hands that argument to the hub's library
@pytest.mark.filterwarnings("ignore:The `local_dir_use_symlinks` argument:UserWarning")
def test_a_hub_id_that_is_not_here_offline_says_so_and_what_to_do() -> None:
    told = "'nobody/nothing' is not on this machine.*because HF_HUB_OFFLINE is set.*hf download"
    for ask in (load_unet_model, load_captioner):
        with pytest.raises(ModelError, match=told):
            ask("nobody/nothing", device="cpu")


def hub_error(cause: Exception | None) -> ModelError:
    """What is told when no file is in the cache, and the loading library wraps that."""

    def look_up() -> None:
        try:
            raise LocalEntryNotFoundError("not in the cache") from cause
        except LocalEntryNotFoundError:
            raise OSError("does not appear to have a file")  # noqa: B904  # as diffusers does

    with pytest.raises(ModelError) as caught, explained_loading("nobody/nothing"):
        look_up()
    return caught.value


def test_no_network_and_a_switch_that_is_set_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.is_offline_mode", lambda: False)
    assert "there is no network" in str(hub_error(ConnectionError("no route to host")))
    assert "local_files_only is set" in str(hub_error(None))


def test_precision_and_device_may_be_those_of_torch(tiny_folders) -> None:
    found = load_model(tiny_folders["sd1"], device=torch.device("cpu"), dtype=torch.bfloat16)
    assert found.dtype == torch.bfloat16
    pipeline = build_sd()
    assert load_model(pipeline, device=torch.device("cpu"), dtype=torch.float32).name
    ours = load_model("picturebook", device=torch.device("cpu"), dtype=torch.float32)
    assert ours is load_model("picturebook", device="cpu", dtype="float32")
    captioner = load_captioner(device=torch.device("cpu"), dtype=torch.float32)
    assert captioner is load_captioner(device="cpu", dtype="float32")


def test_an_unknown_dtype_or_device_is_refused(tiny_folders) -> None:
    for dtype in ("int8", torch.int8):
        with pytest.raises(InvalidInputError, match=r"'int8'.*use one of: auto, float32, float16"):
            load_model(tiny_folders["sd1"], device="cpu", dtype=dtype)
    with pytest.raises(InvalidInputError, match="'nowhere'"):
        load_unet_model(tiny_folders["sd1"], device="nowhere")


def test_a_pipeline_is_shared_and_not_copied() -> None:
    pipeline = build_xl()
    parts = wrap_pipeline(pipeline)._parts
    assert parts.unet is pipeline.unet
    assert parts.vae is pipeline.vae
    assert parts.text_encoders == (pipeline.text_encoder, pipeline.text_encoder_2)


def test_a_half_precision_autoencoder_is_copied_and_left_as_it_is() -> None:
    pipeline = build_sd().to(torch.bfloat16)
    model = wrap_pipeline(pipeline, dtype="bfloat16")
    assert model.dtype == torch.bfloat16
    assert model._parts.vae.dtype == torch.float32
    assert pipeline.vae.dtype == torch.bfloat16


@pytest.mark.parametrize("asked", [{"device": "cuda"}, {"dtype": "float16"}])
def test_a_pipeline_is_never_moved(asked: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match=r"pipeline\.to"):
        wrap_pipeline(build_sd(), **asked)


def test_a_pipeline_without_a_scheduler_is_a_model_error() -> None:
    pipeline = build_sd()
    pipeline.scheduler = None
    with pytest.raises(ModelError, match="no scheduler"):
        wrap_pipeline(pipeline)


def test_schedules_are_checked_when_a_model_is_made() -> None:
    with pytest.raises(UnsupportedError, match="pure noise"):
        wrap_pipeline(build_sd(scheduler=build_scheduler(rescale_betas_zero_snr=True)))
