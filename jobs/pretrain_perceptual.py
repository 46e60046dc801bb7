"""clips -> a network that sees what makes a dance look danced

ray job submit --working-dir . -- python -m jobs.pretrain_perceptual configs/pretrain_perceptual.yaml workers=8
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("pretrain_perceptual")
