"""Video and sound in and out of files, and the pictures that dancegen draws."""
