"""`dancegen audit`: checks that every row of a table has its file, and every file its row."""
