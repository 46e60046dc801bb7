"""The image networks of pix2pixHD and Everybody Dance Now, and the generator of a person made of them."""
