"""What runs where an export is built and trained again: with whatever Python the base has, and nothing of ours."""
