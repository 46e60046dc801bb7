"""Jobs on Ray: table jobs, trainings, and how a cluster is joined. Knows nothing of music or dances."""
