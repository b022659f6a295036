"""
What is not there
=================

Each answer comes with the probability that the thing is there at all. No fish here is blue.
"""

import textseg

scene = textseg.Scene.open("sea.png")
scene.segment_all(["boat", "orange fish", "blue fish"])
