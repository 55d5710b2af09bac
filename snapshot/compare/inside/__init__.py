"""What runs in a container of a run's image, on any Python from 3.8 on, with nothing but what the image has."""
