"""Videos to poses.

ray job submit --working-dir . -- python -m jobs.extract_poses configs/extract_poses.yaml \\
    videos=s3://YOUR-BUCKET/corpus/videos.csv poses=s3://YOUR-BUCKET/poses actors=16
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("extract_poses")
