"""
One of two
==========

A mask that was put together is taken as it is: the left tree, without the house before it.
"""

import textseg

scene = textseg.Scene.open("beach.png")
tree, house = scene.segment_all(["tree", "house"])
scene.edit("tree", "orange tree", mask=tree.pick("left") - house, seed=3)
