"""
The one that is meant
=====================

Words that tell things apart belong to the query.
"""

import textseg

scene = textseg.Scene.open("beach.png")
scene.segment("yellow tree")
