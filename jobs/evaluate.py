"""a model and clips -> scores

ray job submit --working-dir . -- python -m jobs.evaluate configs/evaluate.yaml clips=s3://bucket/clips
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("evaluate")
