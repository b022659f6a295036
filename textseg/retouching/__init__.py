"""Pictures changed by plain arithmetic, inside a mask and nowhere else: no model makes a pixel.

``words`` reads what people say (colours, proportions, places); ``edges`` says where a change is;
``actions`` is the table of what can be done, from ``tones``, ``colours`` and ``shapes``; ``pieces``
takes a thing out of a picture and puts it elsewhere.
"""
