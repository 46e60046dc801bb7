"""Search the loss weights, two trainings at a time.

ray job submit --working-dir . -- python -m jobs.search configs/search.yaml \\
    output=s3://YOUR-BUCKET/search max_concurrent_trials=2 train.clips=s3://YOUR-BUCKET/clips \\
    train.output=s3://YOUR-BUCKET/dance_best train.use_gpu=true train.max_wait_s=1200 \\
    train.tracking_uri=http://mlflow.mlflow:5000
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("search")
