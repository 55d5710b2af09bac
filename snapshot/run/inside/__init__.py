"""What runs in the container, beside the training, with Python 3.8 or newer; the host imports none of it."""
