"""Masks measured on data of the user's own, laid out as the published sets are."""
