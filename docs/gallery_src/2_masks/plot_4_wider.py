"""
Wider than what was found
=========================

A mask can be grown and shrunk, by pixels of the picture.
"""

import textseg

scene = textseg.Scene.open("sea.png")
scene.segment("boat").mask.grow(10)
