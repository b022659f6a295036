"""
One thing
=========

The picture is read once, and asked as often as wanted.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
scene.segment("tree")
