"""Songs to dance videos.

ray job submit --working-dir . -- python -m jobs.render configs/render.yaml \\
    songs=s3://YOUR-BUCKET/songs output=s3://YOUR-BUCKET/dances \\
    checkpoint=s3://YOUR-BUCKET/dance/dance.safetensors actors=16 gpus_per_actor=0.25
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("render")
