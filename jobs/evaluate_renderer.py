"""Score a person on held-out footage.

ray job submit --working-dir . -- python -m jobs.evaluate_renderer configs/evaluate_renderer.yaml \\
    frames=s3://YOUR-BUCKET/frames people=s3://YOUR-BUCKET/person/person.safetensors \\
    output=s3://YOUR-BUCKET/person_evaluation actors=4 tracking_uri=http://mlflow.mlflow:5000
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("evaluate_renderer")
