"""`dancegen sheet`: frames of several videos in one image."""
