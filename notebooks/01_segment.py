# %% [markdown]
# # 1. Find things by name
#
# You have a picture and you know the word for something in it. This notebook shows how to get from
# the word to a mask: where the thing is, how sure that is, and whether it is there at all.
#
# All six notebooks use the small model that ships with the package. Nothing is downloaded and no
# GPU is needed. The price is a small world: the model knows ten kinds of things in eight colours,
# in pictures that look as if they came from a children's book. [Notebook
# 5](05_your_own_checkpoint.ipynb) does the same with a checkpoint of your own.

# %%
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import textseg
from textseg.picturebook import scenes
from textseg.picturebook.demo import PICTURES

# %% [markdown]
# ## A picture
#
# The package can paint pictures of its little world, so there is one to begin with. Any other
# picture goes the same way: a path such as `"photo.jpg"`, a PIL image, or an array.

# %% alt="A meadow with a red house, a green tree and a purple mushroom"
description, _ = PICTURES["meadow"]
picture = Image.fromarray(scenes.render(description, size=256).image)
picture

# %% [markdown]
# ## One question
#
# A `Scene` is a picture that the model has read. Reading happens once, here; asking is cheap after
# that, so keep the scene around.

# %% alt="The meadow in grey, with the red house in colour and an outline around it"
scene = textseg.Scene.open(picture)
house = scene.segment("red house")
house

# %% [markdown]
# That is the answer, shown as a picture: what belongs to the red house keeps its colour, the rest
# goes grey, and the line runs where the mask is cut. Behind it are plain numbers and arrays.

# %%
print("present:  ", house.present)
print("presence: ", round(house.presence, 2))
print("soft mask:", house.soft.shape, house.soft.dtype, "from 0 to 1")
print("inside:   ", f"{house.binary().mean():.1%} of the picture")
for region in house.regions():
    print("region:   ", "box", region.box, "score", round(region.score, 2))

# %% [markdown]
# - **`soft`** says for every pixel how strongly it belongs to the query, from 0 to 1. It has the
#   size of your picture, whatever size the model works at.
# - **`presence`** is the probability that the thing is in the picture at all, and `present` is the
#   decision that follows from it.
# - **`spread`** is the uncertainty of each pixel. The model looks at ten noised copies of the
#   picture, and where these ten disagree the spread is high.
# - **`binary()`** is the mask cut in two, and `regions()` are its connected pieces.
#
# Here are the soft mask and the spread side by side, the spread made brighter so that it can be
# seen.


# %% alt="Left: the soft mask of the house, white on black. Right: its spread"
def grey(values):
    return Image.fromarray(np.uint8(255 * np.clip(values, 0, 1))).convert("RGB")


def row(*pictures):
    return Image.fromarray(np.hstack([np.asarray(picture) for picture in pictures]))


row(grey(house.soft), grey(house.spread / house.spread.max()))

# %% [markdown]
# Two things that the model tells on the way go into such a mask: where its answer changes with the
# words, and where it looks at the words. Left and middle, in the coarse cells that it works on;
# right, their product, in which only what both agree on is left. Notebook 6 tells the whole story.


# %% alt="Three coarse maps: the difference, the attention, and their product on the house alone"
def cells(values):
    return grey(np.kron(values / values.max(), np.ones((8, 8))))


difference, attention = house.raw.difference, house.raw.words.mean(0)
row(cells(difference), cells(attention), cells(difference * attention))

# %% [markdown]
# ## Several questions at once
#
# Each query is answered on its own, exactly as if you had asked it alone. But half of the work is
# the same for all of them: how the picture looks to the model without any words. So asking together
# is cheaper.

# %% alt="The meadow three times: the mushroom lit up, the tree lit up, no fish lit up"
found = scene.segment_all(["mushroom", "green tree", "fish"])
found

# %% [markdown]
# Take one answer out by its name, or go through all of them. The half without words is missing in
# this count: the scene kept it from the first question.

# %%
print(found["mushroom"])
print(found.evaluations, "network evaluations for", len(found), "queries")

# %% [markdown]
# ## What is not there
#
# There is no fish on our meadow. Many tools that turn words into masks would show you one
# anyway, because something is always the most fish-like. Here the question "is there one?" has an
# answer of its own, and where it is no, the mask is empty.
#
# A mean way to ask is the right thing in the wrong colour:

# %%
for answer in scene.segment_all(["red house", "blue house", "mushroom", "fish", "car"]):
    verdict = "there" if answer.present else "not there"
    print(f"{answer.query:<12}{answer.presence:>5.0%}  {verdict}")

# %% [markdown]
# Read these probabilities with some care. They are calibrated for this model, but it is small, and
# being sure about what is *not* there is the hardest part of its job. The [README](../README.md)
# has the measured error rates.
#
# A word that the model never learnt is a different matter. Then it says so:

# %%
scene.segment("door").notes

# %% [markdown]
# ## Change your mind about the threshold
#
# The result keeps the soft mask, so moving the threshold costs nothing: the model is not asked
# again. Low thresholds take in doubtful pixels, high ones leave them out. Without a number the mask
# is cut at 0.5, which is where the map divides best.

# %% alt="The tree three times, with the outline at 0.2, 0.5 and 0.8"
tree = found["green tree"]
row(*[tree.overlay(threshold) for threshold in (0.2, 0.5, 0.8)])

# %%
for threshold in (0.2, 0.5, 0.8):
    print(threshold, f"{tree.binary(threshold).mean():.1%} of the picture")

# %% [markdown]
# ## Put masks together
#
# A second picture, described by hand this time: two trees, and a house in front of one of them.

# %% alt="A beach with a green tree, a yellow tree, and a blue house in front of the green one"
garden = scenes.SceneDescription(
    "beach",
    (
        scenes.Thing("tree", "green", row=0.5, col=0.258, size=0.42, seed=80400),
        scenes.Thing("tree", "yellow", row=0.5, col=0.75, size=0.4, seed=299712),
        scenes.Thing("house", "blue", row=0.66, col=0.42, size=0.3, seed=481061),
    ),
    seed=422687,
)
beach = textseg.Scene.open(scenes.render(garden, size=256).image)
Image.fromarray(np.uint8(255 * beach.rgb))

# %% [markdown]
# Masks are put together with the signs you would expect: `-` takes away, `|` is either, `&` is
# both, `~` is everything else. With a model that knows about doors, `house - door` would be the
# wall. Ours has the house in front of the tree instead.

# %% alt="The trees; the trees without the house; the tree on the left without the house"
trees, hut = beach.segment_all(["tree", "house"])
row(trees.overlay(), (trees - hut).overlay(), (trees.pick("left") - hut).overlay())

# %% [markdown]
# `pick` chooses among the pieces: `"left"`, `"largest"`, `"second from the right"`, `"two
# largest"`. These words are about the mask, so the model never sees them. It would not understand
# them.
#
# The same in one sentence, in one call:

# %% alt="The trees without the house"
beach.select("tree and not house")

# %% [markdown]
# Nothing is changed in place. Each of these is a new mask, still soft, and every one of them can be
# handed to an edit as the place to work on. `shrink` and `grow` move the outline by so many pixels;
# `paint`, `keep` and `drop` correct a mask by hand.

# %% alt="The tree on the left: as found, shrunk by four pixels, grown by four pixels"
left = trees.pick("left")
row(left.overlay(), left.shrink(4).overlay(), left.grow(4).overlay())

# %% [markdown]
# ## Keep it
#
# `save` writes five files for each query: an overlay to look at, the soft mask in 16 bits, the mask
# cut in two, the facts as JSON, and all arrays for NumPy. Files that exist are not overwritten
# unless you say `force=True`.

# %%
folder = Path(tempfile.mkdtemp())
trees.save(folder)
sorted(path.name for path in folder.iterdir())

# %% [markdown]
# ## The same with a mouse
#
# If you would rather type and click, there is a panel. In a running notebook it has a field for the
# queries, sliders for threshold and opacity that follow at once, and points, boxes and a brush to
# correct the mask by hand. Here it is driven from code, so that there is something to see on pages
# where nothing runs.

# %% alt="The panel's picture: the beach with the trees and the house in two colours"
from textseg.panels import SegmentPanel

panel = SegmentPanel(beach.rgb, queries=["tree", "house"])
panel.run.click()
panel.wait()
panel

# %% [markdown]
# `panel.result` is the result that you know from above. And the panel tells you how to get it again
# without it: `panel.to_python()` in Python, and `panel.to_tool_call()` in the words of the
# assistant of [notebook 4](04_assistant.ipynb).

# %%
print(panel.result)
print(panel.to_tool_call())

# %% [markdown]
# ## What to try next
#
# - Ask for something else. The model knows house, tree, car, boat, ball, star, flower, mushroom,
#   fish and umbrella, in red, green, blue, yellow, purple, orange, white and black.
# - Paint another picture: `PICTURES["sea"]`, `PICTURES["night"]`, or a scene of your own.
# - Ask with more draws, `scene.segment("red house", draws=40)`, and watch the spread get darker.
# - Go on to [notebook 2](02_edit.ipynb) and change what you found. How the masks come about is in
#   [notebook 6](06_how_it_works.ipynb).
