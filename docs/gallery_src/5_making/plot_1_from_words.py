"""
From words
==========

The seed decides the noise: the same seed makes the same picture.
"""

import textseg

textseg.Scene.generate("a red house and a green tree on a meadow", seed=2).picture
