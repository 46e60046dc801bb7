"""`dancegen gallery`: a static page of the videos of a library."""
