"""clips -> the cross-modal metric

ray job submit --working-dir . -- python -m jobs.train_cross_modal configs/train_cross_modal.yaml \
    clips=s3://bucket/clips output=s3://bucket/cross_modal
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("train_cross_modal")
