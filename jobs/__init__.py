"""Entry points of the steps, for `ray job submit -- python -m jobs.STEP`."""
