"""Everything that has a name, found in one way: models, edit methods, captioners.

What this package brings and what other packages add through entry points comes in by the same door,
`textseg.registry.named`; a name of ours cannot be taken.
"""
