"""
Cut out
=======

What was found, with a little around it.
"""

import textseg

scene = textseg.Scene.open("sea.png")
fish = scene.segment("orange fish")
textseg.retouch("sea.png", "crop", fish).picture
