"""Why results differ: how far they are apart when nothing changes, and what of two runs makes them differ."""
