"""HTML pages about videos and clips."""
