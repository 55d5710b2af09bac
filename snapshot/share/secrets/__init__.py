"""What looks like a key, a password or a token in files that are about to leave the machine."""
