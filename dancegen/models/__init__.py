"""The networks and their losses: single-device maths, without paths or ranks."""
