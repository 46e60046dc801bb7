"""Bodies of the synthetic dancers: motion curves, footwork and kinematics."""
