"""Worlds with a known truth, one module each."""
