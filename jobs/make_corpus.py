"""seeds -> songs, dancers and videos with known truth

ray job submit --working-dir . -- python -m jobs.make_corpus configs/make_corpus.yaml output=s3://dance/corpus
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("make_corpus")
