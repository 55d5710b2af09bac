"""One module for each kind of file that names requirements; none of them runs anything of the project."""
