"""Frames to a person.

ray job submit --working-dir . -- python -m jobs.train_renderer configs/train_renderer.yaml \\
    frames=s3://YOUR-BUCKET/frames output=s3://YOUR-BUCKET/person consent=CONSENT workers=4 use_gpu=true \\
    max_wait_s=1200 tracking_uri=http://mlflow.mlflow:5000
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("train_renderer")
