"""The kit: a run with all that it takes to build its image without network and to repeat it; docs/reference/kit.md."""
