"""What a run's data were: a digest over their files, the list of these, and a cache that spares reading them again."""
