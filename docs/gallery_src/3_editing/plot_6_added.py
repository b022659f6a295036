"""
Something new
=============

There is nothing to find where something is added, so the mask says where.
"""

import textseg

scene = textseg.Scene.open("sea.png")
scene.edit("", "yellow ball", mask=textseg.place("top right", scene.picture.size))
