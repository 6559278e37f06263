"""Figures, one module per question. They read result tables and compute no statistic."""
