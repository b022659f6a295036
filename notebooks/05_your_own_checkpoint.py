# %% [markdown]
# # 5. Your own checkpoint
#
# The other notebooks use the small model that ships with the package. Everything in them also runs
# on Stable Diffusion checkpoints as they are, without training and without any change to them: 1.x,
# 2.x and XL, from a folder, from the hub, or already loaded. This notebook shows how.
#
# ---
#
# > ## Please read this first
# >
# > **The checkpoint that is used here has random weights.** It was never trained and knows nothing
# > at all. It is made of the real classes of `diffusers` and `transformers`, only tiny, so that
# > this notebook runs anywhere, in seconds and without a download.
# >
# > **So its masks mean nothing, and its pictures are noise.** What the notebook shows is the code,
# > and that it works. For masks with a meaning, change the one line that says `CHECKPOINT`.
#
# ---

# %%
import string
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import textseg
from textseg.picturebook import scenes
from textseg.picturebook.demo import PICTURES

# %% [markdown]
# ## Something to load
#
# If you have a checkpoint, skip this section. It builds a Stable Diffusion pipeline in miniature
# and saves it the way all of them are saved: a folder with a subfolder for each part. First the
# text encoder, with a tokenizer that knows single letters.


# %%
def tiny_tokenizer():
    """A tokenizer in which every letter is a token of its own."""
    start, end = "<|startoftext|>", "<|endoftext|>"
    letters = [*string.ascii_lowercase, *(letter + "</w>" for letter in string.ascii_lowercase)]
    vocab = {token: number for number, token in enumerate([start, end, *letters])}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=24, pad_token=end)


def tiny_text_encoder(tokenizer):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=24,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config).eval()


# %% [markdown]
# Then the denoiser, the autoencoder and the schedule, with the layers of the original and very few
# channels.


# %%
def tiny_denoiser():
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32),
        norm_num_groups=8,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
    ).eval()


def tiny_autoencoder():
    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        sample_size=128,
    ).eval()


def tiny_schedule():
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


# %%
torch.manual_seed(0)
tokenizer = tiny_tokenizer()
pipeline = StableDiffusionPipeline(
    tokenizer=tokenizer,
    text_encoder=tiny_text_encoder(tokenizer),
    unet=tiny_denoiser(),
    vae=tiny_autoencoder(),
    scheduler=tiny_schedule(),
    safety_checker=None,
    feature_extractor=None,
    requires_safety_checker=False,
)
folder = Path(tempfile.mkdtemp())
pipeline.save_pretrained(folder)
sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

# %% [markdown]
# ## The line to change
#
# From here on it makes no difference what is in the folder. Put yours in, or the name of a
# repository on the hub such as `"owner/name"` (it is downloaded once), or a
# `StableDiffusionPipeline` that you have loaded already.

# %%
CHECKPOINT = folder  # e.g. "/models/stable-diffusion-v1-5"

# %% [markdown]
# Weights are read from safetensors files only, and nothing in a checkpoint is executed.

# %%
model = textseg.load(CHECKPOINT)
print("device:          ", model.device)
print("pixels per cell: ", model.latent_stride)
print("noise levels:    ", "{:.3f} to {:.3f}".format(*model.sigma_range))

# %% [markdown]
# The device and the precision are chosen for you: a GPU in half precision if there is one. Say
# `textseg.load(CHECKPOINT, device="cpu", dtype="float32")` to decide yourself.
#
# ## Find something
#
# From here it is notebook 1, word for word, with one difference: the model goes in.

# %% alt="A meadow with a red house, a green tree and a purple mushroom"
picture = Image.fromarray(scenes.render(PICTURES["meadow"][0], size=256).image)
picture

# %%
scene = textseg.Scene.open(picture, model=model)
house = scene.segment("red house")
house.present, round(house.presence, 2)

# %% [markdown]
# And this is the soft mask, made brighter so that anything can be seen.

# %% alt="A meaningless pattern of bright and dark patches: the weights are random"
brightness = house.soft / house.soft.max()
Image.fromarray(np.uint8(255 * brightness))

# %% [markdown]
# **Remember: random weights.** What is bright here is bright by accident. Outlines that you may
# recognise come from the picture itself, because the last step takes the edges of every mask from
# there. A trained checkpoint shows a house.
#
# The parts of the answer are all there, though, and they mean the same as before:

# %%
print("soft mask:  ", house.soft.shape, f"from {house.soft.min():.3f} to {house.soft.max():.3f}")
print("spread:     ", house.spread.shape)
print("levels:     ", len(house.raw.levels))
print("evaluations:", house.evaluations)

# %% [markdown]
# ### About presence
#
# The probability that a thing is there at all was calibrated on the embedded model. For others
# nothing was fitted: a query is weighed against some dozens of texts that might be true instead,
# which is what most of these evaluations went into. `presence="calibrated"` does without, and
# believes the sign of the evidence.
#
# If you have a few dozen pictures whose content you know, fit a calibration of your own: put them
# into a folder with a table `texts.csv` (`file,text,true`) and say `textseg calibrate --model
# /path/to/checkpoint --data /path/to/folder`.
#
# ### About large pictures
#
# Pictures with more pixels than the model was made for are scaled down for the model, and masks
# come back at the full size. `working_size=768` in `Scene.open` lets it see more, and takes more
# time and memory.
#
# ## Change something
#
# Edits go the same way. A mask of our own says where, because a random model finds nothing that
# would be worth changing.

# %% alt="Before, mask and after: noise in the right half, the left half untouched"
mask = np.zeros(scene.picture.size)
mask[:, 128:] = 1
edit = scene.edit("tree", "orange tree", mask=mask, steps=10)
edit

# %%
print("changed outside of the mask:", edit.changed_outside, "pixels")

# %% [markdown]
# The left half is untouched even here. That promise comes from the code, not from the model.
#
# Two things are worth setting on real checkpoints. One is the caption: the embedded model has a
# captioner of its own, others have none. Pass `captioner="owner/blip"`, or a folder, to
# `Scene.open`, and edits know what else is in the picture; or describe it yourself with `source="a
# house on a meadow"`. The other is `guidance`: the defaults were found on the embedded model, and
# 7.5 is the usual value elsewhere.
#
# ## Make something
#
# `generate` works as well. With random weights the result is, fittingly, random.

# %% alt="A picture of coloured noise, made by random weights"
made = textseg.Scene.generate("a house on a meadow", model, seed=1, steps=10)
Image.fromarray(np.uint8(np.round(255 * made.rgb)))

# %% [markdown]
# ## Is my checkpoint read rightly?
#
# There is a test for that. `check_model` asks the model a few questions whose answers have to fit
# together, whatever its weights: the estimates of picture, noise and velocity must be three forms
# of one answer, a batch must give what its rows give alone, and so on. Silence means that all is
# well.

# %%
from textseg.testing import check_model

check_model(model)

# %% [markdown]
# ## What to try next
#
# - Put a real checkpoint into `CHECKPOINT`, a photograph into `picture`, and run the notebook
#   again.
# - Use the same model from the shell: `textseg segment photo.jpg "red car" --model
#   /path/to/checkpoint`.
# - Give it to the assistant of notebook 4:
#   `create_image_assistant(image_model="/path/to/checkpoint")`.
# - A model that is not Stable Diffusion needs one class with a handful of methods,
#   `textseg.diffusion.model.DiffusionModel`. [A guide](../docs/guides/adding_a_family.md) says how
#   to add one.
# - [Notebook 6](06_how_it_works.ipynb) shows what happens between the question and the mask.
