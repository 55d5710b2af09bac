"""What other tools are told of runs: one module for each tool, whose library is imported when it is used."""
