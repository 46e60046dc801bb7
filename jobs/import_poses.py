"""Pose data of other projects to poses.

ray job submit --working-dir . -- python -m jobs.import_poses configs/import_poses.yaml \\
    format=aistpp source=s3://YOUR-BUCKET/keypoints2d music=s3://YOUR-BUCKET/music \\
    poses=s3://YOUR-BUCKET/poses actors=16
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("import_poses")
