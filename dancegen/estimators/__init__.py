"""Pose estimators: MediaPipe, networks in ONNX, OpenPose JSON files."""
