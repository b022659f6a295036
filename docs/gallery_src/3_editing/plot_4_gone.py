"""
Gone
====

No target means: remove it.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
scene.edit("mushroom", "", seed=1)
