"""Dances on a person: the body they are fitted to, the poses of the footage, and the frames."""
