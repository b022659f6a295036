"""
How it works
============

A model that paints pictures from words was never asked where things are. And yet it has to know, or
it could not paint them. This page puts the question to it, step by step, with the small model that
comes along; every picture was made while the page was built.

The idea is that of *DiffEdit* (Couairon and others, `arXiv:2210.11427
<https://arxiv.org/abs/2210.11427>`_). All of it is in one formula:

.. math::

   d = \\frac{1}{N} \\sum_{k=1}^{N} \\left|
   \\hat\\varepsilon(z_k, \\text{query}) - \\hat\\varepsilon(z_k, \\text{no text}) \\right|,
   \\qquad z_k = (1 - \\sigma_k)\\, x_0 + \\sigma_k\\, \\varepsilon_k

Noise a picture :math:`x_0`, ask the model twice what the noise is, once with your words and once
without, and average where the two answers differ over several noises and noise levels. What follows
looks at each letter of it.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import textseg
from textseg.diffusion.sampling import draw_noise
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.segmentation.difference import noise_difference

torch.set_grad_enabled(False)


def show(pictures, *, cmap="cividis"):
    """Draw titled pictures, or maps in false colours, side by side."""
    size = 10, 10 / len(pictures) + 0.3
    figure = plt.figure(figsize=size, dpi=160, layout="constrained")
    axes = figure.subplots(1, len(pictures))
    for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
        ax.imshow(picture, cmap=cmap)
        ax.set_title(title, fontsize=13)
        ax.set_axis_off()


# %%
# A noised picture
# ----------------
#
# The model sees no pixels. An autoencoder turns the picture into *latents*, a coarse grid of cells
# with a few numbers each: these are :math:`x_0`. They are mixed with random numbers
# :math:`\varepsilon`. At :math:`\sigma = 0` nothing has happened, at :math:`\sigma = 1` only noise
# is left. Decoded again, the mixtures look like this:

model = textseg.load("picturebook")
rgb = render(PICTURES["night"][0]).image / np.float32(255)
x0 = model.encode_image(torch.from_numpy(rgb).permute(2, 0, 1)[None])
noise = draw_noise(x0.shape[1:], seed=0)[None]


def mix(sigma):
    """Return the latents with noise in them."""
    return (1 - sigma) * x0 + sigma * noise


def decode(latents):
    """Return the picture of latents."""
    return model.decode_latents(latents)[0].permute(1, 2, 0).numpy().clip(0, 1)


show(
    {"the picture": rgb} | {f"noise {sigma}": decode(mix(sigma)) for sigma in (0.2, 0.4, 0.6, 0.8)}
)

# %%
# Two estimates
# -------------
#
# All that a diffusion model can do is to look at such a mixture and say what the noise in it is. It
# is asked twice, in one batch: with no text, and with "blue car". The two estimates hardly differ
# to the eye. Their difference, averaged over the channels of each cell, is where the words changed
# the model's mind.

query = "blue car"
texts = model.embed_text(["", query])
z = mix(0.6)
without, with_query = model.predict(torch.cat([z, z]), 0.6, texts).eps
show(
    {
        "what it is shown": decode(z),
        "noise, seen without text": without[0],
        'noise, seen with "blue car"': with_query[0],
        "difference": (with_query - without).abs().mean(0),
    }
)

# %%
# Differences at several noise levels
# -----------------------------------
#
# With little noise the model sees everything for itself and hardly listens to the words. With a lot
# of noise it has only the words to go by, and they change its mind all over the place. In between
# it sees enough to know *where*, and needs the words to know *what*. One noise alone gives a
# restless map, at any level:


def difference(**options):
    """Return the raw map of the query, compared with no text."""
    words, nothing = model.embed_text([query]), model.embed_text([""])
    return noise_difference(model, x0, words, nothing, **options)[0]


levels = (0.15, 0.3, 0.5, 0.7, 0.85)
show({f"level {level}": difference(draws=1, levels=[level]).difference for level in levels})

# %%
# Their average
# -------------
#
# What the maps have in common is the thing; the rest is chance, and averages out. Ten noises are
# what the package takes, as the paper does, and each gets a level of its own, spread evenly in how
# much stronger the picture is than the noise. As all single maps are at hand it is also known how
# much they disagree: that becomes the uncertainty of every pixel.

counts = (1, 3, 10, 40)
maps = {n: difference(draws=n) for n in counts}
show(
    {f"{n} noise{'s' if n > 1 else ''}": raw.difference for n, raw in maps.items()}
    | {"disagreement of ten": maps[10].difference_spread}
)

# %%
# What the network looks at
# -------------------------
#
# While the network answers, each of its cells looks at the words and takes what they have to say.
# Which cells look at "blue" and at "car" can be read on the way, without asking again. It is a
# second opinion: coarse where the difference is fine, and rarely deceived by another thing of the
# same colour. Masks are made of both.

raw = maps[10]
looks = dict(zip(query.split(), raw.words, strict=True))
both = raw.difference * raw.words.mean(0)
show(
    {"difference": raw.difference}
    | {f'cells that look at "{word}"': look for word, look in looks.items()}
    | {"difference times looks": both}
)

# %%
# The soft mask
# -------------
#
# In the end a threshold is found on the product (Otsu's; the card of the embedded model has a small
# formula in its place, fitted to pictures whose truth is known), a smooth step puts 0.5 on it, and
# the picture's own edges bring the mask to the size of the picture. This is what a call returns:

scene = textseg.Scene.open(rgb)
found = scene.segment(query)
show({"soft mask": found.soft, "uncertainty": found.spread, "what is shown": found.overlay()})

# %%
# Nothing was hidden on the way. The raw map inside of that result is the one made above:

print(np.array_equal(found.raw.difference, raw.difference))

# %%
# Is it there at all?
# -------------------
#
# A difference has no sign: words that are *not* true of a picture pull at the estimate as well,
# somewhere. But the noise was mixed in by us, so it can be checked which of the two estimates came
# closer to it. Where the one with the words did, the words explain the picture. Summed up, with how
# much the words are looked at, that becomes a probability (Kong and others, `arXiv:2310.07972
# <https://arxiv.org/abs/2310.07972>`_):

for text in ("blue car", "umbrella", "red car", "house"):
    asked = scene.segment(text)
    print(f"{text:<10}{asked.presence:.2f}  {'there' if asked.present else 'not there'}")

# %%
# The same by hand
# ----------------
#
# ``examples/diffedit_from_scratch.py`` is DiffEdit on a plain pipeline of Stable Diffusion, mask,
# inversion and edit, in one file that can be read in an evening. It uses nothing of this package
# and speaks the paper's language; a test holds its map to the package's, to the last digits. This
# is the formula from above:
#
# .. literalinclude:: ../../examples/diffedit_from_scratch.py
#    :language: python
#    :pyobject: noise_difference
#
# and this the mask of the paper, which is hard, and made of the difference alone:
#
# .. literalinclude:: ../../examples/diffedit_from_scratch.py
#    :language: python
#    :pyobject: cut_mask
#
# The sixth of the notebooks tells the story at more length, with the evidence and what it means.
# In the package, the formula is ``textseg/segmentation/difference.py``, the mask ``soften.py`` and
# ``refine.py`` beside it, and the probability ``presence.py``.
