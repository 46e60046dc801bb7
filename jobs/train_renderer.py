"""Frames to a person.

ray job submit --working-dir . -- python -m jobs.train_renderer configs/train_renderer.yaml \\
    frames=s3://YOUR-BUCKET/frames output=s3://YOUR-BUCKET/person workers=4 use_gpu=true person=PERSON \\
    consent=CONSENT
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("train_renderer")
