"""songs -> dance videos

ray job submit --working-dir . -- python -m jobs.render configs/render.yaml songs=s3://library/songs
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("render")
