"""Fitting networks to sequences."""
