"""
Calm surroundings
=================

Everything but the house is blurred.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
house = scene.segment("red house")
textseg.retouch("meadow.png", "blur", ~house).picture
