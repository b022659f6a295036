"""
Finding things
==============

A picture is read once, and asked as often as wanted.
"""

import textseg
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render

scene = textseg.Scene.open(render(PICTURES["meadow"][0]).image)
scene.segment("tree")
