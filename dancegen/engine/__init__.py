"""Jobs on Ray: table jobs, training runs and cluster access. Independent of music and dance."""
