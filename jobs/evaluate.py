"""Score the dances of a generator.

ray job submit --working-dir . -- python -m jobs.evaluate configs/evaluate.yaml \\
    clips=s3://YOUR-BUCKET/clips checkpoint=s3://YOUR-BUCKET/dance/dance.safetensors \\
    output=s3://YOUR-BUCKET/evaluation actors=4 tracking_uri=http://mlflow.mlflow:5000
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("evaluate")
