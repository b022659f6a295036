"""
Another colour by night
=======================

The light of the picture stays what it was.
"""

import textseg

scene = textseg.Scene.open("night.png")
scene.edit("yellow umbrella", "red umbrella", seed=1)
