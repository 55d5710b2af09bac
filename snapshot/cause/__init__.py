"""Why results differ: how far they are apart when nothing changes, and by what."""
