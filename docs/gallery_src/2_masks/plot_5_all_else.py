"""
Everything else
===============

What is not the house: for a background, say.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
~scene.segment("red house")
