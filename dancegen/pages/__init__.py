"""Pages (HTML) about videos and clips."""
