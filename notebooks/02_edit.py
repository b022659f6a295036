# %% [markdown]
# # 2. Change one thing
#
# In [notebook 1](01_segment.ipynb) you found things in a picture. Here you change them: another
# colour, another thing, nothing at all, or something new. One promise holds throughout: where the
# mask is zero, every pixel of the result is the pixel you gave, bit for bit.

# %%
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

import textseg
from textseg.picturebook import scenes
from textseg.picturebook.demo import PICTURES


def row(*pictures):
    """Pictures of one height, side by side."""
    return Image.fromarray(np.hstack([np.asarray(each.convert("RGB")) for each in pictures]))


# %% alt="A sea with a white sailing boat and an orange fish"
picture = Image.fromarray(scenes.render(PICTURES["sea"][0], size=256).image)
scene = textseg.Scene.open(picture)
picture

# %% [markdown]
# ## Another colour
#
# Say what there is and what it should be.

# %% alt="Before, mask and after: the white boat has become yellow"
yellow = scene.edit("boat", "yellow boat")
yellow

# %% [markdown]
# An edit shows itself as before, mask and after. The mask is white where the picture was free to
# change and fades to black over a few pixels, so that the new thing has no hard seam.
#
# The embedded model paints with a broad brush. Shapes come out soft, and some attempts fail; the
# README says how many. What does not depend on the model is the promise, and you can check it:

# %%
before, after = np.asarray(picture), np.asarray(yellow.image)
outside = yellow.mask == 0
print("pixels outside of the mask:", outside.sum())
print("of these have changed:     ", (before != after).any(-1)[outside].sum())
print("the edit says so itself:   ", yellow.changed_outside)

# %% [markdown]
# The edit was made four times, each time with other noise, and you see the one that the model
# itself believes most: the one in which "yellow boat" explains best what is inside the mask. Other
# models make one attempt unless you ask for more (`attempts=4`), and so does this one when you name
# a method. The seed that was kept makes the same picture again, alone.

# %%
for attempt in yellow.attempts:
    kept = "   <- kept" if attempt.seed == yellow.seed else ""
    print(f"seed {attempt.seed:>10}: {attempt.score:6.2f} nats{kept}")

# %% [markdown]
# ## Look before you change
#
# `scene.plan` decides everything and makes nothing: where, by which method, with which words. What
# you see is what `carry_out` does, and the same plan from another seed finds nothing anew.

# %% alt="The picture with the place of the orange fish lit up and outlined, the rest greyed"
plan = scene.plan("orange fish", "yellow fish", attempts=1)
print(plan)
plan

# %% alt="Before, mask and after: the orange fish in yellow, from the seed of the plan"
scene.carry_out(plan)

# %% [markdown]
# ## Another thing
#
# The same call. Since the two nouns differ, the mask gets a little more room: a mushroom is not
# shaped like a fish.

# %% alt="Before, mask and after: the orange fish has become a mushroom"
scene.edit("orange fish", "mushroom")

# %% [markdown]
# ## Gone
#
# No target means: remove it. What is painted in its place follows from what else is in the picture.

# %% alt="Before, mask and after: the mushroom on the meadow has gone"
meadow = textseg.Scene.open(scenes.render(PICTURES["meadow"][0], size=256).image)
meadow.edit("mushroom", "")

# %% [markdown]
# Here the best of the attempts is the one that goes best with what is around the mask.
#
# What cannot be found is not edited. You get an error that says how likely it is that the thing is
# there after all, and the picture stays as it is.

# %%
try:
    scene.edit("umbrella", "red umbrella")
except textseg.errors.NotFoundError as error:
    print(error)

# %% [markdown]
# ## Something new
#
# There is nothing to find when you add something, so you say where. `textseg.place` turns a few
# words into a round mask: `"top right"`, `"bottom"`, `"middle"`. A yellow ball in the sky should
# make a sun.

# %% alt="Before, mask and after: a yellow ball in the sky on the right, like a sun"
scene.edit("", "yellow ball", mask=textseg.place("top right", scene.picture.size))

# %% [markdown]
# ## A mask of your own
#
# Anything with the height and width of the picture is a mask: an array of booleans, of bytes, or of
# numbers from 0 to 1. Paint it, load it from a file, take it from another tool. It is used exactly
# as it is, so a hard edge stays a hard edge. This oval is blurred a little first. Seed 0 gave no
# good star; another seed makes four other attempts.

# %% alt="Before, mask and after: an oval in the sky, and in it the red star asked for"
oval = Image.new("L", picture.size, 0)
ImageDraw.Draw(oval).ellipse((130, 15, 245, 105), fill=255)
oval = oval.filter(ImageFilter.GaussianBlur(5))
scene.edit("", "red star", mask=np.asarray(oval), seed=3)

# %% [markdown]
# The masks of notebook 1 go in as well. This one means the tree on the left, without the house in
# front of it:

# %% alt="Before, mask and after: the left tree is orange now, the house is as it was"
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
trees, hut = beach.segment_all(["tree", "house"])
beach.edit("tree", "orange tree", mask=trees.pick("left") - hut, seed=3)

# %% [markdown]
# ## Six ways to do it
#
# Nobody has found the one best way to edit with a diffusion model, so there are more than twenty,
# each a paper; `textseg methods` lists them. If you name none, the package takes what did best at
# this kind of change when it was measured. Here are six that need nothing but the model:

# %%
names = ("blended", "diffedit", "flowedit", "mdp", "prompt_to_prompt", "sdedit")
for method in textseg.methods():
    if method.name in names:
        print(f"{method.name:<18}{method.title} ({method.paper})")

# %% [markdown]
# The same wish, six times, in this order. The mask is found once and kept by the scene, so only
# the painting is repeated.

# %% alt="Six red fish, side by side, one for each method"
fishes = [scene.edit("orange fish", "red fish", method=name) for name in names]
row(*[edit.image.crop((120, 120, 256, 256)) for edit in fishes])

# %%
for edit in fishes:
    print(f"{edit.name:<18}{edit.evaluations.total:>4} network evaluations")

# %% [markdown]
# Each method has its options, which `textseg methods` lists in the shell. The same three are
# everywhere: `strength`, `steps` and `guidance`. Less strength stays closer to what was there, so
# from left to right the fish lets go of being a fish:

# %% alt="The fish on its way to a mushroom, at three strengths"
strengths = (0.2, 0.4, 0.8)
stronger = [scene.edit("orange fish", "mushroom", strength=each) for each in strengths]
row(*[edit.image for edit in stronger])

# %% [markdown]
# ## Another editor, the same promise
#
# Perhaps your editing is done elsewhere: by a service, by a filter, by hand. `constrain` takes the
# picture before and the picture after, and lets through only what lies inside the mask. Here the
# "other editor" is a filter that turns all colours of the whole picture into their opposites.

# %% alt="Left: the whole picture with inverted colours. Right: only the boat has inverted colours"
theirs = ImageOps.invert(picture)
kept = textseg.constrain(picture, theirs, scene.segment("boat").soft)
row(theirs, Image.fromarray(np.uint8(np.round(255 * kept.rgb))))

# %% [markdown]
# ## The same with a mouse
#
# The panel for edits shows the mask before anything is changed, has a slider between before and
# after, and keeps a history to go back along and branch from. As in notebook 1 it is driven from
# code here.

# %% alt="The panel's picture: before, mask and after of a red fish"
from textseg.panels import EditPanel

panel = EditPanel(picture, query="orange fish", target="red fish")
panel.run.click()
panel.wait()
panel

# %% [markdown]
# ## What to try next
#
# - Another `seed`, when you like the idea but not the outcome.
# - `scene.edit("boat", "yellow boat", grow=6, feather=8)`: more room, a softer seam.
# - `yellow.image.save("yellow.png")` keeps the pixels. From the shell, `textseg edit` also writes
#   into the file that a model took part in it.
# - An edited picture is a picture: `textseg.Scene.open(yellow.image)` and go on from there.
# - [Notebook 3](03_generate_then_edit.ipynb) starts without any picture.
