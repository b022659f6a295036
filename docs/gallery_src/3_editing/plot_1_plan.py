"""
Look before you change
======================

A plan knows the place, the method and the words; ``carry_out`` makes it.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
plan = scene.plan("mushroom", "red mushroom")
print(plan)
plan
