"""Jobs that turn the rows of one table into the rows of another, on Ray."""
