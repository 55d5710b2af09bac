"""A run as an image in a registry: docs/reference/archive.md has the layout."""
