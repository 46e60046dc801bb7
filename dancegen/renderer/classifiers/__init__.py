"""Image classifiers without their last layers, whose features the perceptual loss and metrics compare."""
