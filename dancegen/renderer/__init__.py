"""Networks that turn a pose into a picture of a person (pix2pixHD), and what they are conditioned on."""
