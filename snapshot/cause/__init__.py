"""The search for what made two results differ: hybrids of two runs, each a run of its own."""
