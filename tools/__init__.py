"""What `make` runs besides tests: writers of files that come from the code."""
