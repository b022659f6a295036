"""
Another colour
==============

Say what there is, and what it is to be.
"""

import textseg

scene = textseg.Scene.open("sea.png")
scene.edit("orange fish", "red fish", seed=1)
