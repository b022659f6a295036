"""
Moved
=====

The mushroom is its own pixels, over an edit that took it away.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
mushroom = scene.segment("mushroom")
gone = scene.edit("mushroom", "", seed=1)
textseg.arrange("meadow.png", "move", mushroom, to="left", without=gone.picture).picture
