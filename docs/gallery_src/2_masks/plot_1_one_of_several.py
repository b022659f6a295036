"""
One of several
==============

Places, sizes and ordinals choose among the regions of a mask.
"""

import textseg

scene = textseg.Scene.open("beach.png")
scene.segment("tree").pick("left")
