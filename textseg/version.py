"""Which version this is. Whoever wants to know only that imports it from here."""

__version__ = "0.2.0"
