"""Footage to frames.

ray job submit --working-dir . -- python -m jobs.cut_frames configs/cut_frames.yaml \\
    poses=s3://YOUR-BUCKET/footage_poses frames=s3://YOUR-BUCKET/frames actors=16
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("cut_frames")
