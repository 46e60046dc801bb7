"""Poses to clips.

ray job submit --working-dir . -- python -m jobs.cut_clips configs/cut_clips.yaml \\
    poses=s3://YOUR-BUCKET/poses clips=s3://YOUR-BUCKET/clips actors=16
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("cut_clips")
