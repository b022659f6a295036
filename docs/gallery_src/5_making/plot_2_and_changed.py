"""
Made, then changed
==================

A picture that was made here is edited along the way it came about.
"""

import textseg

made = textseg.generate_and_edit("a green tree on a meadow", "tree", "orange tree", seed=6)
print(made.caption)
made.edit
