"""
Copied
======

No model makes a pixel of this.
"""

import textseg

scene = textseg.Scene.open("sea.png")
fish = scene.segment("orange fish")
textseg.arrange("sea.png", "copy", fish, to="bottom left").picture
