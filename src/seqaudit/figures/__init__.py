"""Figures, one module per question; the only importers of matplotlib."""
