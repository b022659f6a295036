"""
Another setting
===============

The meadow under snow; what stands on it stays, and is left out of the mask.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
scene.edit("meadow", "snow", seed=1)
