"""
Several at once
===============

Queries of one call share the estimates without text, so that three cost hardly more than two.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
scene.segment_all(["red house", "tree", "mushroom"])
