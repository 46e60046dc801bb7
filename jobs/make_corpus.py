"""Make the synthetic corpus.

ray job submit --working-dir . -- python -m jobs.make_corpus configs/make_corpus.yaml \\
    output=s3://YOUR-BUCKET/corpus actors=16
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("make_corpus")
