from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    ViTConfig,
    ViTModel,
)

from tests.tiny import build_sd, drop_a_bias
from tests.tiny_parts import TEXT_LENGTH, TEXT_WIDTH, build_tokenizer
from textseg.errors import InvalidInputError, ModelError
from textseg.lab.bench.metrics.features import (
    clip_gain,
    clip_score,
    cosine,
    directional_similarity,
    leakage,
    measure_structure,
    structure_distance,
    structure_input,
    structure_size,
)
from textseg.lab.bench.metrics.networks import load_clip, load_judges, load_vit
from textseg.lab.bench.metrics.pixels import Edges, blanked, changed_pixels, l1, mse, psnr, ssim
from textseg.lab.bench.peer import DiffEditMask

Rgb = NDArray[np.float32]


def picture(height: int = 20, width: int = 31, *, seed: int = 0) -> Rgb:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def noisy(rgb: Rgb, *, seed: int = 1) -> Rgb:
    rng = np.random.default_rng(seed)
    return np.clip(rgb + 0.1 * rng.standard_normal(rgb.shape), 0, 1).astype(np.float32)


def left_half(rgb: Rgb) -> NDArray[np.bool_]:
    region = np.zeros(rgb.shape[:2], bool)
    region[:, : rgb.shape[1] // 2] = True
    return region


def vector(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


# -- pixels


def test_psnr_of_a_known_difference_is_closed_form() -> None:
    before = np.full((4, 6, 3), 0.25, np.float32)
    assert psnr(before, before + np.float32(0.125)) == pytest.approx(20 * math.log10(8))


def test_psnr_of_equal_pictures_is_infinite() -> None:
    assert psnr(picture(), picture()) == math.inf


def test_psnr_equals_torchmetrics() -> None:
    from torchmetrics.functional.image import peak_signal_noise_ratio

    before, after = picture(), noisy(picture())
    reference = peak_signal_noise_ratio(torch.tensor(after), torch.tensor(before), data_range=1.0)
    assert psnr(before, after) == pytest.approx(float(reference), abs=1e-4)


def test_errors_are_averaged_over_the_region_only() -> None:
    before = np.zeros((2, 4, 3), np.float32)
    after = before.copy()
    after[:, 0] = 0.5  # half of the left half
    inside = left_half(before)
    assert mse(before, after, where=inside) == pytest.approx(0.125)
    assert l1(before, after, where=inside) == pytest.approx(0.25)
    assert mse(before, after) == pytest.approx(0.0625)
    assert l1(before, after, where=~inside) == 0
    assert psnr(before, after, where=~inside) == math.inf


def test_changed_pixels_are_counted_after_rounding_to_8_bit() -> None:
    before = np.full((3, 5, 3), 0.4, np.float32)
    after = before.copy()
    after[0, 0, 1] += 1 / 255  # one channel, one step
    after[1, 1] += 0.1 / 255  # no step
    after[2, 4] = 0
    assert changed_pixels(before, after) == 2
    assert changed_pixels(before, after, where=left_half(before)) == 1


@pytest.mark.parametrize("shape", [(20, 31), (64, 40)])
def test_ssim_equals_torchmetrics(shape: tuple[int, int]) -> None:
    from torchmetrics.functional.image import structural_similarity_index_measure as reference

    before = picture(*shape)
    after = noisy(before)
    after[:, :5] = 0  # where the treatment of the frame matters
    first, second = (torch.tensor(rgb).permute(2, 0, 1)[None].double() for rgb in (before, after))
    assert ssim(before, after) == pytest.approx(
        float(reference(second, first, data_range=1.0)), abs=1e-6
    )


def test_cropped_ssim_equals_scikit_image_and_differs_from_the_mirrored_one() -> None:
    before, after = picture(), noisy(picture())
    after[:, :5] = 0
    reference = structural_similarity(
        before.astype(np.float64),
        after.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=-1,
    )
    assert ssim(before, after, edges="crop") == pytest.approx(reference, abs=1e-12)
    assert abs(ssim(before, after) - reference) > 0.01


def test_ssim_of_two_flat_pictures_is_the_luminance_term() -> None:
    before, after = np.full((12, 15, 3), 0.2, np.float32), np.full((12, 15, 3), 0.6, np.float32)
    c1 = 0.01**2
    expected = (2 * 0.2 * 0.6 + c1) / (0.2**2 + 0.6**2 + c1)
    assert ssim(before, after) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("edges", ["reflect", "crop"])
def test_ssim_of_a_region_ignores_changes_far_from_it(edges: Edges) -> None:
    before = picture(40, 60)
    after = before.copy()
    after[:, 40:] = 0
    region = np.zeros((40, 60), bool)
    region[:, :30] = True
    assert ssim(before, after, where=region, edges=edges) == pytest.approx(1)
    assert ssim(before, after, where=~region, edges=edges) < 0.5


def test_pictures_without_a_whole_window_are_refused_only_when_cropped() -> None:
    small = picture(8, 30)
    assert ssim(small, small) == pytest.approx(1)
    with pytest.raises(InvalidInputError, match="11 x 11"):
        ssim(small, small, edges="crop")


@pytest.mark.parametrize("figure", [mse, l1, psnr, ssim, changed_pixels])
def test_pictures_of_two_sizes_are_refused(figure: Callable[[Rgb, Rgb], float]) -> None:
    with pytest.raises(InvalidInputError, match=r"\(20, 31, 3\) and \(31, 20, 3\)"):
        figure(picture(20, 31), picture(31, 20))


def test_empty_or_wrong_regions_are_refused() -> None:
    before = picture()
    with pytest.raises(InvalidInputError, match="no pixel"):
        mse(before, before, where=np.zeros((20, 31), bool))
    with pytest.raises(InvalidInputError, match="does not fit"):
        psnr(before, before, where=np.ones((31, 20), bool))


def test_blanking_keeps_the_region_and_leaves_the_input_alone() -> None:
    before = picture()
    kept = before.copy()
    region = left_half(before)
    black = blanked(before, region)
    np.testing.assert_array_equal(black[region], before[region])
    assert not black[~region].any()
    assert black.dtype == np.float32
    np.testing.assert_array_equal(before, kept)


# -- features


def test_clip_score_is_a_hundred_times_the_cosine_and_never_negative() -> None:
    assert clip_score(vector(3, 4), vector(2, 0)) == pytest.approx(60)
    assert clip_score(vector(3, 4), vector(-2, 0)) == 0


def test_cosine_with_nothing_is_zero() -> None:
    assert cosine(vector(0, 0), vector(1, 2)) == 0


def test_directional_similarity_normalises_before_it_subtracts() -> None:
    # normalised: pictures go from (1, 0) to (0, 1), texts from (1, 0) to (.6, .8)
    found = directional_similarity(
        image_before=vector(5, 0),
        image_after=vector(0, 0.1),
        text_before=vector(0.2, 0),
        text_after=vector(3, 4),
    )
    assert found == pytest.approx(1.2 / math.sqrt(2 * 0.8))


def test_an_unchanged_picture_has_no_direction() -> None:
    same = vector(1, 2)
    texts = {"text_before": vector(1, 0), "text_after": vector(0, 1)}
    assert directional_similarity(image_before=same, image_after=same, **texts) == 0


def test_leakage_is_the_gain_outside_over_the_gain_inside() -> None:
    text = vector(1, 0)
    inside = clip_gain(before=vector(0, 1), after=vector(4, 3), text=text)
    outside = clip_gain(before=vector(0, 1), after=vector(3, 4), text=text)
    assert (inside, outside) == pytest.approx((80, 60))
    assert leakage(outside, inside) == pytest.approx(0.75)
    assert leakage(1.0, 0.0) is None
    assert leakage(1.0, -2.0) is None


def test_structure_distance_by_hand() -> None:
    before = np.array([[1, 0], [0, 2]], np.float32)  # cosines: 1, 0, 0, 1
    after = np.array([[1, 0], [3, 4]], np.float32)  # cosines: 1, .6, .6, 1
    assert structure_distance(before, after) == pytest.approx(2 * 0.36 / 4)
    assert structure_distance(before, 5 * before) == pytest.approx(0)
    with pytest.raises(InvalidInputError, match=r"\(2, 2\) and \(1, 2\)"):
        structure_distance(before, after[:1])


def test_structure_input_keeps_the_shape_and_scales_white() -> None:
    white = np.ones((100, 50, 3), np.float32)
    pixels = structure_input(white, top=255.0, antialias=False)
    assert pixels.shape == (448, 224, 3)
    np.testing.assert_allclose(pixels, 255, rtol=1e-6)
    assert structure_size(600, 100) == (480, 80)


def test_antialiasing_matters_for_what_the_structure_distance_sees() -> None:
    stripes = np.zeros((448, 896, 3), np.float32)
    stripes[:, ::4] = 1  # every fourth column: shrinking by two keeps some of it only
    smooth, sharp = (structure_input(stripes, antialias=flag) for flag in (True, False))
    assert np.abs(smooth - sharp).max() > 0.05


class Colours:
    """Every pixel is a token, its colour the key."""

    def keys(self, pixels: Rgb) -> NDArray[np.float32]:
        return pixels[::32, ::32].reshape(-1, 3) + np.float32(0.01)


def test_structure_of_equal_pictures_is_equal_and_of_others_is_not() -> None:
    before = picture(60, 90)
    assert measure_structure(Colours(), before, before) == 0
    assert measure_structure(Colours(), before, before[::-1]) > 0.001
    with pytest.raises(InvalidInputError, match="cannot be compared"):
        measure_structure(Colours(), before, before[:30])


# -- networks


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = build_tokenizer()
    tower = {
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=TEXT_LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **tower,
    )
    vision = CLIPVisionConfig(image_size=16, patch_size=8, **tower)
    torch.manual_seed(0)
    CLIPModel(
        CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=6)
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": 16},
        crop_size={"height": 16, "width": 16},
        image_mean=[0.5, 0.4, 0.3],
        image_std=[0.2, 0.3, 0.4],
    ).save_pretrained(folder)
    return folder


def test_clip_features_prepare_pictures_as_the_checkpoint_says(clip_folder: Path) -> None:
    features = load_clip(clip_folder, device="cpu")
    rgb = picture(20, 31)
    small = Image.fromarray((rgb * 255).round().astype(np.uint8)).resize(
        (24, 16), Image.Resampling.BICUBIC
    )
    centre = np.asarray(small.crop((4, 0, 20, 16)), np.float32) / 255
    pixels = torch.tensor((centre - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4], dtype=torch.float32)
    model = CLIPModel.from_pretrained(clip_folder).eval()
    with torch.no_grad():
        pooled = model.vision_model(pixels.permute(2, 0, 1)[None]).pooler_output
        expected = model.visual_projection(pooled)[0]
    found = features.image_features(rgb)
    assert found.shape == (6,)
    torch.testing.assert_close(torch.tensor(found), expected, atol=1e-5, rtol=1e-4)


def test_clip_score_from_a_folder_equals_the_logits_of_the_model(clip_folder: Path) -> None:
    features = load_clip(clip_folder, device="cpu")
    rgb, text = picture(20, 31), "a tree"
    ours = cosine(features.image_features(rgb), features.text_features(text))
    model = CLIPModel.from_pretrained(clip_folder).eval()
    tokens = features.tokenizer([text], return_tensors="pt")
    images = features.processor(
        images=Image.fromarray((rgb * 255).round().astype(np.uint8)), return_tensors="pt"
    )
    with torch.no_grad():
        logits = model(**tokens, **images).logits_per_image / model.logit_scale.exp()
    assert ours == pytest.approx(float(logits), abs=1e-5)


def test_long_texts_are_cut_instead_of_failing(clip_folder: Path) -> None:
    assert load_clip(clip_folder, device="cpu").text_features("tree " * 100).shape == (6,)


@pytest.fixture(scope="module")
def vit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vit")
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=12,
        intermediate_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    ViTModel(config).save_pretrained(folder)
    return folder


def test_vit_keys_are_those_of_the_last_layer(vit_folder: Path) -> None:
    keys = load_vit(vit_folder, device="cpu").keys(picture(32, 32))
    model = ViTModel.from_pretrained(vit_folder).eval()
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    pixels = torch.tensor((picture(32, 32) - mean) / deviation, dtype=torch.float32)
    with torch.no_grad():
        hidden = model.embeddings(pixels.permute(2, 0, 1)[None])
        for layer in model.layers[:-1]:
            hidden = layer(hidden)
        last = model.layers[-1]
        expected = last.attention.k_proj(last.layernorm_before(hidden))[0]
    assert keys.shape == (1 + 16, 12)
    torch.testing.assert_close(torch.tensor(keys), expected, atol=1e-5, rtol=1e-4)


def test_vit_keys_of_a_wide_picture_and_no_hook_stays(vit_folder: Path) -> None:
    network = load_vit(vit_folder, device="cpu")
    assert network.keys(picture(24, 40)).shape == (1 + 3 * 5, 12)
    assert not any(part._forward_hooks for part in network.model.modules())


def test_judges_hold_what_there_are_folders_for(clip_folder: Path, vit_folder: Path) -> None:
    judges = load_judges(clip=clip_folder, device="cpu")
    assert judges.features is not None
    assert judges.structure is None
    assert judges.about == {"clip": str(clip_folder)}
    assert load_judges(dino=vit_folder, device="cpu").structure is not None


def test_folders_that_hold_something_else_are_refused(
    clip_folder: Path, vit_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="no such folder"):
        load_clip(tmp_path / "missing")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_clip(tmp_path)
    with pytest.raises(ModelError, match="clip model and not a vit"):
        load_vit(clip_folder)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_clip(vit_folder)


def test_judges_that_lack_a_weight_are_refused(
    clip_folder: Path, vit_folder: Path, tmp_path: Path
) -> None:
    for kind, folder, load in (("clip", clip_folder, load_clip), ("vit", vit_folder, load_vit)):
        partial = Path(shutil.copytree(folder, tmp_path / kind))
        name = drop_a_bias(partial)
        with pytest.raises(ModelError, match=f"the {kind} model .* lacks 1 weight: {name}"):
            load(partial)


def test_the_peer_is_refused_where_it_lacks_a_weight(tmp_path: Path) -> None:
    build_sd().save_pretrained(tmp_path)
    name = drop_a_bias(tmp_path / "unet")
    with pytest.raises(ModelError, match=f"the unet .* lacks 1 weight: {name}"):
        DiffEditMask(tmp_path)
