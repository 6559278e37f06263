"""Statistics on tables of effects. Stands on numpy and scipy; never imports torch."""
