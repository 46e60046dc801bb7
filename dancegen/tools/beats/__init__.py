"""`dancegen beats`: the beats, bars and sections of a song as a table and a picture."""
