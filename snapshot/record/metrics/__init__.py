"""Numbers among the outputs of a run, read when it is over: what trains needs to know nothing of it.

docs/reference/metrics.md says which files are read, and how.
"""
