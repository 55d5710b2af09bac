"""Runs and locks side by side: what differs, as values. Pure; `report` makes text of it."""
