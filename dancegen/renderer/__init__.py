"""The renderer: pose to person. Condition pictures, networks, losses and the checkpoint of a person."""
