"""Quality of videos of a person: against real frames, from frame to frame, in pose, in likeness and over time."""
