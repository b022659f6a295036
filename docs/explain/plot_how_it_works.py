"""
How it works
============

Noise the picture. Ask the model for the noise, with and without the words. Where the two answers
differ lies what the words mean.
"""

import textseg
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render

scene = textseg.Scene.open(render(PICTURES["night"][0]).image)
scene.segment("blue car")
