"""The export: what one run used, for the public, trained again by plain Docker; docs/reference/export.md."""
