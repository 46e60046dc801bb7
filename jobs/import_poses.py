"""other people's pose data -> poses

ray job submit --working-dir . -- python -m jobs.import_poses configs/import_poses.yaml format=aistpp \\
    source=s3://aistpp/keypoints2d music=s3://aistpp/music poses=s3://dance/poses
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("import_poses")
