"""Audit what neural networks trained on DNA really learned, and which of it can be believed."""

__version__ = "0.1.0"
