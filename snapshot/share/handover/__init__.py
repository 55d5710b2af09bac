"""The hand-over board: what of each run is still there and intact, and whether somebody else could take over today."""
