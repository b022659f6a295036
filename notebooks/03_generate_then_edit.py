# %% [markdown]
# # 3. Make a picture, then change it
#
# The model that finds and changes things is a text-to-image model, so it can also make the picture
# in the first place. This notebook goes from a sentence to a picture, from the picture back to
# words, and from there to a change. On the way you see why a picture that the model made itself is
# easier to edit than a photograph.

# %%
import numpy as np
import torch
from PIL import Image, ImageOps

import textseg


def shown(rgb):
    """An array (H, W, 3) in [0, 1] as a picture, twice as large."""
    return Image.fromarray(np.uint8(np.round(255 * rgb)).repeat(2, 0).repeat(2, 1))


def row(*pictures):
    """Pictures of one height, side by side."""
    return Image.fromarray(np.hstack([np.asarray(each.convert("RGB")) for each in pictures]))


# %% [markdown]
# ## From words to a picture
#
# `Scene.generate` begins with pure noise and takes the noise away in twenty steps, each a little
# more the way the words say.

# %% alt="A small, soft painting of a green tree on a meadow"
scene = textseg.Scene.generate("a green tree on a meadow", seed=6)
shown(scene.rgb)

# %% [markdown]
# It is a small model and it paints like one: 128 by 128 pixels, soft shapes. Everything about the
# picture that is needed to make it again is kept with it.

# %%
print(scene.made)

# %% [markdown]
# ## Seeds
#
# The seed decides the noise, and the noise decides the picture: the same seed gives the same
# picture again. Another seed is another throw of the dice. Looking at a few and keeping the best is
# a perfectly honourable way to work.

# %% alt="Three paintings from the same words with the seeds 6 to 8"
tries = [textseg.Scene.generate("a green tree on a meadow", seed=seed) for seed in (6, 7, 8)]
row(*[shown(each.rgb) for each in tries])

# %%
bool((tries[0].rgb == scene.rgb).all())

# %% [markdown]
# ## From the picture to words
#
# A second network, the captioner, looks at the finished picture and says what it sees. It does not
# know what you asked for. So it is a check on what you got, and it gives the edit a description of
# everything that should stay.

# %%
for each in tries:
    print(each.made.seed, each.caption())

# %% [markdown]
# ## Change it
#
# From here on it is a scene like any other. Find things in it, or change them.

# %% alt="Before, mask and after: the green tree has become orange"
edit = scene.edit("tree", "orange tree", seed=6)
ImageOps.scale(edit.comparison(), 2)

# %%
print("before:", edit.source_prompt)
print("after: ", edit.prompt)

# %% [markdown]
# ## Why this needs no inversion
#
# Several editing methods want to know more than the picture. They want to know which noise it came
# from, and what it looked like at every step between noise and picture. For a photograph nobody
# knows that. It has to be worked out by running the model backwards, which is called *inversion*,
# costs as much as making a picture, and is only roughly right.
#
# A picture that was generated has a past, and the scene remembers it: `scene.path` holds the
# latents at every level. Here is what the model held at five of them, from noise to picture.


# %% alt="The picture at five noise levels, from pure noise to the finished tree"
def decoded(latents):
    """Latents (1, c, h, w) as an array (H, W, 3)."""
    with torch.no_grad():
        return scene.model.decode_latents(latents)[0].permute(1, 2, 0).numpy()


path = scene.path
chosen = [0, 5, 10, 15, len(path.levels) - 1]
row(*[shown(decoded(path.states[k])).resize((152, 152)) for k in chosen])

# %%
print("noise levels:", ", ".join(f"{path.levels[k]:.2f}" for k in chosen))

# %% [markdown]
# To see what that is worth, give the same picture to the package twice: once with its past, once as
# if it came from a file. The method is DiffEdit, which needs the past.

# %%
stranger = textseg.Scene.open(Image.fromarray(np.uint8(np.round(255 * scene.rgb))))
for name, each in {"with its past": scene, "from a file": stranger}.items():
    cost = each.edit("tree", "orange tree", method="diffedit").evaluations
    print(
        f"{name:<14}{cost.inversion:>3} evaluations for the inversion, {cost.decode} for the rest"
    )

# %% [markdown]
# The inversion is what the first one saves. And it is not only cheaper. The past that a scene
# remembers is exact, while one that was worked out is a guess. To see how good a guess, walk down
# once more from the top of each, following the words as before. Nothing is changed on the way, so
# both walks ought to come back to the picture.

# %% alt="The picture; made again from its own past; made again from an inversion"
from textseg.diffusion.inversion import invert
from textseg.diffusion.sampling import denoise_with, guided, last, walk
from textseg.diffusion.solvers import solver_named

model, levels = scene.model, path.levels
words, nothing = model.embed_text([scene.made.prompt]), model.embed_text([""])
denoise = guided(model, words, nothing, scale=scene.made.guidance)
solver = solver_named(model.card.sampling.solver)
with torch.no_grad():
    guess = invert(denoise_with(model, nothing), stranger.latents, levels)
    tops = {"remembered": path.states[0], "worked out": guess.states[0]}
    ends = {
        name: last(walk(denoise, top, levels, solver=solver), top) for name, top in tops.items()
    }
row(shown(scene.rgb), *[shown(decoded(end)) for end in ends.values()])

# %%
for name, end in ends.items():
    off = float((end - path.clean).abs().mean())
    print(f"{name:<12}{off:.4f} away from the latents of the picture, on average")

# %% [markdown]
# On the left the picture, in the middle the walk from the noise that was remembered, on the right
# the walk from the noise that was worked out. The middle one is the picture itself. That is why a
# scene that was generated is edited along its own past.
#
# ## All in one call
#
# When you know from the start what you want, one call makes the picture, describes it and changes
# it.

# %% alt="Before, mask and after of the picture made and changed in one call"
made = textseg.generate_and_edit("a green tree on a meadow", "tree", "red tree", seed=4)
ImageOps.scale(made.edit.comparison(), 2)

# %% [markdown]
# ## What to try next
#
# - Other words: `"a white boat on the sea"`, `"a red mushroom in the snow"`, `"a blue car at
#   night"`.
# - `guidance=3` or `guidance=12` in `Scene.generate`: further from the words, or closer to them.
# - The finished picture as input for the first two notebooks: it is a scene like any other.
# - [Notebook 4](04_assistant.ipynb), where you say all this in plain English.
