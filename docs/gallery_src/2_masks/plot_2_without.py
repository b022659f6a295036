"""
One thing without another
=========================

Operators put masks together: ``-``, ``&``, ``|`` and ``~``.
"""

import textseg

scene = textseg.Scene.open("meadow.png")
scene.segment("red house") - scene.segment("mushroom").mask.grow(12)
