"""The pages of `report` from a server on this machine alone, which follow the runs that they show."""
