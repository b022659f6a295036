"""
The same in words
=================

An expression looks for all of its phrases in one call.
"""

import textseg

scene = textseg.Scene.open("beach.png")
scene.select("(house or tree) and not yellow tree")
