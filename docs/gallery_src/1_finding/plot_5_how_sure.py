"""
How sure each pixel is
======================

The answers to ten noised pictures disagree in places; that is the spread of a mask.
"""

import textseg

scene = textseg.Scene.open("sea.png")
scene.segment("orange fish").plot()
