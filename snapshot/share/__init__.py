"""What others get of a run: registries, archives, public exports; and what comes back from there."""
