"""Reports as one HTML file: `gather` and `between` read the store, everything else here is pure.

Names and contents of runs are never trusted: templates escape whatever they show, control characters are shown as in
the terminal, and the page's own policy forbids every script but ours, every link to elsewhere and every request.
"""
