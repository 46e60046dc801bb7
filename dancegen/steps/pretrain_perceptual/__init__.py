"""The network of the perceptual loss, and the held-out one."""
