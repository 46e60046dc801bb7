"""Train the cross-modal evaluation metric.

ray job submit --working-dir . -- python -m jobs.train_cross_modal configs/train_cross_modal.yaml \\
    clips=s3://YOUR-BUCKET/clips output=s3://YOUR-BUCKET/cross_modal cpus=4 use_gpu=true max_wait_s=1200 \\
    tracking_uri=http://mlflow.mlflow:5000
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("train_cross_modal")
