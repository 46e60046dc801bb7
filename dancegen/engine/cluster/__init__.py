"""Ray itself: how a cluster is started or joined, its capacity, its head, submission of jobs."""
