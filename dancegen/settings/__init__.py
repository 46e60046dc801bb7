"""The settings of every job, one module a step. Light: importing them loads no torch and no Ray."""
