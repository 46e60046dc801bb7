"""The music-to-skeleton GAN: generator, discriminators, losses and their settings."""
