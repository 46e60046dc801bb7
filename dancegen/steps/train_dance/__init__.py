"""The music-to-skeleton GAN."""
