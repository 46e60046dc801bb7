"""What is known of movement and rhythm: arrays in, arrays out."""
