"""clips -> a model that dances

ray job submit --working-dir . -- python -m jobs.train_dance configs/train_dance.yaml workers=8 use_gpu=true
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("train_dance")
