"""Train the dance generator on four GPUs.

ray job submit --working-dir . -- python -m jobs.train_dance configs/train_dance.yaml \\
    clips=s3://YOUR-BUCKET/clips output=s3://YOUR-BUCKET/dance workers=4 use_gpu=true max_wait_s=1200 \\
    tracking_uri=http://mlflow.mlflow:5000
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("train_dance")
