"""The code that ran: `snapshots` keeps it once in `packs`, `trees` lays it out again."""
