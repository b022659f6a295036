"""
An exact colour
===============

The colour is the one that was named, with the shading of the picture.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
house = scene.segment("red house")
textseg.retouch("meadow.png", "colour", house, colour="#1e90ff").picture
