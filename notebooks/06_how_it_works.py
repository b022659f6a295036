# %% [markdown]
# # 6. How it works
#
# A model that paints pictures from words was never asked where things are. And yet it has to know,
# or it could not paint them. This notebook shows how the question is put to it, step by step, on
# the small embedded model, with a picture for each step. It needs little more mathematics than
# averages and squared differences.
#
# The idea comes from *DiffEdit* by Couairon and others
# ([arXiv:2210.11427](https://arxiv.org/abs/2210.11427)). The part about evidence comes from
# *Interpretable Diffusion via Information Decomposition* by Kong and others
# ([arXiv:2310.07972](https://arxiv.org/abs/2310.07972)).
#
# One thing to keep in mind: the embedded model is so small that it was helped along. Its training
# used the places of things in painted pictures, as its [model
# card](../docs/model_card.md) says. The method below knows nothing of that and is
# the same for every model, but how good the maps look here says nothing about other models.

# %%
import io
from dataclasses import replace

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

import textseg
from textseg.diffusion.sampling import draw_noise
from textseg.picturebook import scenes
from textseg.picturebook.demo import PICTURES
from textseg.segmentation.difference import noise_difference
from textseg.segmentation.draws import log_snr
from textseg.segmentation.presence import PresenceCalibration, presence_features
from textseg.segmentation.soft import blur
from textseg.segmentation.soften import soften

torch.set_grad_enabled(False)


def drawn(figure):
    """A matplotlib figure as a picture. It belongs to no window, so there is no pyplot here."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=100)
    return Image.open(stream)


def sheet(panels, *, columns=4, cmap="cividis"):
    """Titled pictures, or maps in false colours, in a grid."""
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(7.6, 8.6 / columns * rows), layout="constrained")
    for ax in figure.subplots(rows, columns, squeeze=False).flat:
        ax.set_axis_off()
    for ax, (title, content) in zip(figure.axes, panels.items(), strict=False):
        ax.set_title(title, fontsize=9)
        ax.imshow(content, cmap=cmap)
    return drawn(figure)


# %% [markdown]
# ## 1. The picture, as the model sees it
#
# The model does not look at pixels. An autoencoder first turns the picture into *latents*: a coarse
# grid of cells with four numbers each. The model works on these, and its answers are turned back
# into pixels at the end.

# %% alt="The picture, its latents as four coarse grey maps, and the picture decoded again"
model = textseg.load("picturebook")
rgb = scenes.render(PICTURES["night"][0]).image / np.float32(255)
x0 = model.encode_image(torch.from_numpy(rgb).permute(2, 0, 1)[None])


def decoded(latents):
    """Latents (1, c, h, w) as a picture."""
    return model.decode_latents(latents)[0].permute(1, 2, 0).numpy()


channels = {f"latents, channel {k}": x0[0, k] for k in range(4)}
sheet({"picture": rgb, **channels, "decoded again": decoded(x0)}, columns=3, cmap="gray")

# %% [markdown]
# Each cell stands for a square of pixels. Nothing finer than that can come out of the steps below;
# the fine edges of the final mask are put in afterwards, in step 7.
#
# ## 2. Noise
#
# The only thing a diffusion model can do is to look at something noisy and say what the noise is.
# So to ask it anything, noise is needed. We mix the latents $x_0$ with random numbers
# $\varepsilon$:
#
# $$z = (1 - \sigma)\, x_0 + \sigma\, \varepsilon, \qquad \varepsilon \sim \mathcal{N}(0, 1)$$
#
# At $\sigma = 0$ nothing has happened, at $\sigma = 1$ only noise is left.

# %% alt="The picture at five noise levels, from hardly any noise to hardly any picture"
epsilon = draw_noise(x0.shape[1:], seed=0)[None]


def noised(sigma, noise=epsilon):
    return (1 - sigma) * x0 + sigma * noise


shown = (0.1, 0.3, 0.5, 0.7, 0.9)
sheet({f"sigma {sigma}": decoded(noised(sigma)).clip(0, 1) for sigma in shown}, columns=5)

# %% [markdown]
# ## 3. Two estimates of the same noise
#
# Now the question. We show the model the noisy picture and ask for the noise in it, twice. Once
# with the words "blue car", and once with no words at all, which it was also trained for:
#
# $$\hat\varepsilon_\text{query} = \hat\varepsilon(z, \sigma \mid \text{blue car}), \qquad
# \hat\varepsilon_\text{empty} = \hat\varepsilon(z, \sigma).$$
#
# Who estimates the noise also estimates the picture: take the noise away, and this is what the
# model believes to be underneath.

# %% alt="The noised picture, and what the model takes it for without and with words"
sigma = 0.6
texts = model.embed_text(["", "blue car"])
z = noised(sigma)
answer = model.predict(torch.cat([z, z]), sigma, texts)
empty, query = answer.eps
sheet(
    {
        f"noised, sigma {sigma}": decoded(z).clip(0, 1),
        "believed without words": decoded(answer.x0[:1]).clip(0, 1),
        'believed with "blue car"': decoded(answer.x0[1:]).clip(0, 1),
    },
    columns=3,
)

# %% [markdown]
# It is hard to tell these two beliefs apart, and yet they are not the same. Where the words say
# nothing about the picture, as in the sky, they change next to nothing. Where they do, they change
# the estimate. So we look at the difference in each cell, averaged over its channels:
#
# $$d = \frac{1}{c} \sum_{\text{channels}}
# \left| \hat\varepsilon_\text{query} - \hat\varepsilon_\text{empty} \right|$$

# %% alt="The noise, its two estimates, and their difference, bright where the car is"
difference = (query - empty).abs().mean(0)
sheet(
    {
        "the noise, channel 0": epsilon[0, 0],
        "estimate without words": empty[0],
        'estimate with "blue car"': query[0],
        "their difference": difference,
    },
)

# %% [markdown]
# ## 4. One draw is not enough
#
# That map came from one particular noise. With another noise, another map comes out. What they have
# in common is the thing; the rest is chance. So we take several noises and average. The function
# that does it is `noise_difference`, and ten is how many it takes by default, as the paper does.


# %% alt="Three maps of one draw each, all different, and the calmer average of ten"
def maps(*queries, **options):
    """The raw maps of some queries, all compared with the empty prompt."""
    return noise_difference(
        model, x0, model.embed_text(list(queries)), model.embed_text([""]), **options
    )


single = {f"one draw, seed {k}": maps("blue car", draws=1, seed=k)[0].difference for k in range(3)}
sheet({**single, "average of ten": maps("blue car")[0].difference})

# %% [markdown]
# How well does averaging work? All single maps are at hand, so we know how much they disagree, and
# from that how far off their average may still be. This is the *spread*. It ought to fall at the
# pace that statistics promises, half the error for four times the draws, and it makes the
# uncertainty of every pixel in a result. What five draws say of themselves is shaky, so each point
# is the mean of four seeds.

# %% alt="The standard error of the map falls with the number of draws, as promised"
counts = np.array([5, 10, 20, 40, 80])
spreads = [
    [maps("blue car", draws=n, levels=[0.5], seed=k)[0].difference_spread for k in range(4)]
    for n in counts
]
errors = np.sqrt([np.square(several).mean() for several in spreads])

figure = Figure(figsize=(5, 2.8), layout="constrained")
ax = figure.subplots()
ax.plot(counts, errors, "o-", label="measured")
ax.plot(counts, errors[-1] * np.sqrt(counts[-1] / counts), "--", label="promised")
ax.set(xlabel="draws", ylabel="standard error of a cell", ylim=(0, None))
ax.legend()
drawn(figure)

# %% [markdown]
# ## 5. At which noise level?
#
# With little noise the model sees everything for itself and hardly listens to the words. With a lot
# of noise it sees next to nothing and has only the words to go by, so they change its mind all over
# the place. In between it sees enough to know *where* and needs the words to know *what*.

# %% alt="The difference map at five noise levels, from low to high"
levels = (0.15, 0.3, 0.5, 0.7, 0.85)
at_levels = [maps("blue car", draws=10, levels=[sigma])[0] for sigma in levels]
sheet({f"sigma {raw.levels[0]}": raw.difference for raw in at_levels}, columns=5)

# %%
for raw in at_levels:
    mean, highest = raw.difference.mean(), raw.difference.max()
    print(f"sigma {raw.levels[0]:.2f}: mean {mean:.3f}, highest {highest:.3f}")

# %% [markdown]
# Each of these maps has a brightness of its own; the numbers show how strong they really are.
# Rather than settle for one level, each of the ten draws gets its own. They are spread evenly not
# in $\sigma$ but in the *log-SNR*, the logarithm of how much stronger the picture is than the
# noise:
#
# $$\lambda = 2 \log \frac{1 - \sigma}{\sigma}$$

# %%
raw = maps("blue car")[0]
print("sigma:  ", "  ".join(f"{sigma:5.2f}" for sigma in raw.levels))
print("log-SNR:", "  ".join(f"{log_snr(sigma):5.2f}" for sigma in raw.levels))

# %% [markdown]
# ## 6. What the network looks at
#
# While the network answers, its cells look at the words, in layers that are called cross-attention:
# each cell spreads its attention over the words, and takes what they have to say. So one can see
# which cells look at "blue" and "car", on the way and without asking again. This is a second
# opinion, from the same answers: where the difference is bright at something else of the same
# colour, the network may not look at the word there; and it is coarse where the difference is fine.
# Their product is the map that masks are made from.

# %% alt="The difference, where the words are looked at, and the product of the two"
settings = model.card.masks.soften
looks = raw.words.mean(0)  # of both words
product = blur(raw.difference, settings.blur) ** settings.power
product = product * (looks / looks.max()) ** settings.attention
sheet({"difference": raw.difference, "attention": looks, "product": product}, columns=3)

# %% [markdown]
# Leave attention out, with `attention=False`, and you have the plain map of the paper.
#
# ## 7. From the map to the mask
#
# The difference is blurred by half a cell, multiplied by attention, and a threshold is found on it
# (Otsu's, which splits the values into two groups that are as uniform as possible, raised a
# little). A smooth step puts 0.5 on this threshold, so that the mask stays soft. In place of the
# threshold the embedded model has something better: a small formula on its card that looks at all
# maps and at the cells around, and was fitted to pictures whose truth is known. In the end the map
# is enlarged to the size of the picture, with its edges taken from the picture's own edges (the
# guided filter of He, Sun and Tang, 2013).

# %% alt="The product made soft by a threshold, by the formula, and with the edges of the picture"
scene = textseg.Scene.open(rgb)
found = scene.segment("blue car")
sheet(
    {
        "product": product,
        "soft, by a threshold": soften(raw, replace(settings, head=False)).soft,
        "soft, by the formula": soften(raw, settings, model.card.masks.head).soft,
        "soft, in pixels": found.soft,
    },
)

# %% [markdown]
# The last panel is `scene.segment("blue car").soft`. Nothing was hidden: the raw map inside of that
# result is the one that we made by hand.

# %%
np.array_equal(found.raw.difference, raw.difference)

# %% [markdown]
# ## 8. A difference has no sign
#
# So far we asked where the words *matter*. That is not the same as where they are *true*. Ask for
# something that is not there, and the words still pull at the estimate somewhere.
#
# But we know more than the model does: we mixed the noise in ourselves. So we can check which of
# the two estimates came closer to it. In a cell where the estimate with the words is better, the
# words explain the picture; where it is worse, they contradict it:
#
# $$e = \frac{1}{2} \int \mathbb{E}_\varepsilon \left[
# \left| \varepsilon - \hat\varepsilon_\text{empty} \right|^2
# - \left| \varepsilon - \hat\varepsilon_\text{query} \right|^2 \right] d\lambda$$
#
# This is the *evidence*. It has a meaning beyond maps with bright spots: added up over all cells,
# over the whole range of levels, it is $\log p(x_0 \mid \text{query}) - \log p(x_0)$, the number of
# nats by which the words make this picture more likely (arXiv:2310.07972). The range of levels that
# is used here covers a part of it.

# %% alt="Four queries: the difference above, the evidence below, red for and blue against"
queries = ["blue car", "umbrella", "red car", "house"]
answers = dict(zip(queries, maps(*queries, draws=40), strict=True))
strongest = float(np.quantile([np.abs(answer.evidence) for answer in answers.values()], 0.99))
figure = Figure(figsize=(7.6, 3.9), layout="constrained")
axes = figure.subplots(2, len(queries))
for column, (text, answer) in enumerate(answers.items()):
    axes[0, column].imshow(answer.difference, cmap="cividis")
    axes[0, column].set_title(text, fontsize=10)
    shades = axes[1, column].imshow(answer.evidence, cmap="RdBu_r", clim=(-strongest, strongest))
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("difference")
axes[1, 0].set_ylabel("evidence")
figure.colorbar(shades, ax=axes[1].tolist(), label="nats")
drawn(figure)

# %% [markdown]
# Red cells speak for the words, blue ones against them. The two things on the left are in the
# picture, the two on the right are not. The upper row has its bright spots in any case; the lower
# row is where the two kinds ought to part.
#
# Why are masks made from the difference then? Because it is calmer: in the evidence the noise
# itself takes part, and needs more draws to average out. Replace `statistic` in `settings`
# to see for yourself. The benchmarks compare both on many pictures.
#
# ## 9. Is it there at all?
#
# Add up the evidence, and you have a number that says whether the words help or harm. To judge
# whether it is large one has to know how large it could be, and that is what the *information*
# says: half the squared difference of the two estimates, added up in the same way. For a perfect
# model the two are equal on average over all pictures that the words are true of.

# %%
for text, answer in answers.items():
    evidence, information = answer.evidence.sum(), answer.information.sum()
    print(f"{text:<10}evidence {evidence:5.1f} nats, information {information:5.1f} nats")

# %% [markdown]
# Their ratio is one of a handful of such features, as is how much the words are looked at. A
# logistic function of these, fitted on pictures whose content is known, turns them into a
# probability. That is the `presence` of a result, and the last step on the way from noise to an
# answer.

# %% alt="A bar for each query: the probability that it is in the picture"
calibration = PresenceCalibration.of(model.card.presence)
presences = {
    text: calibration.probability(presence_features(raw))
    for text, raw in zip(queries, maps(*queries), strict=True)
}
figure = Figure(figsize=(5.4, 2.2), layout="constrained")
ax = figure.subplots()
ax.barh(list(presences), list(presences.values()))
ax.axvline(calibration.threshold, color="black", linestyle="--")
ax.invert_yaxis()
ax.set(xlim=(0, 1), xlabel="probability; the line is where the decision is made")
drawn(figure)

# %% [markdown]
# ## In four sentences
#
# Noise the picture. Ask the model for the noise, with and without the words. Where the two answers
# differ lies what the words mean, and which of them is closer to the truth says whether they are
# true. Repeat with other noises at other levels, and average.
#
# ## What to try next
#
# - Other words in step 3, and `sigma = 0.2` or `0.9` in the same cell.
# - Compare with other words instead of none: `scene.segment("blue car", reference="car")` asks what
#   "blue" adds.
# - `scene.segment("umbrella", draws=100)` against `draws=1`.
# - The code is meant to be read beside the papers. Steps 2 to 5 and 7 are
#   [difference.py](../textseg/segmentation/difference.py), step 6 is
#   [soften.py](../textseg/segmentation/soften.py) and
#   [refine.py](../textseg/segmentation/refine.py), and step 8 is
#   [presence.py](../textseg/segmentation/presence.py).
# - Back to [notebook 1](01_segment.ipynb), which looks different now.
