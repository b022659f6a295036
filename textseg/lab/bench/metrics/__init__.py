"""Figures for edited pictures, as functions of arrays; networks come in from outside."""
