"""The doors to the outside, and the only ones: processes, the engine, files, the machine, the index."""
