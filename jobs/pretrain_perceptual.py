"""Train the network of the perceptual loss on two GPUs.

ray job submit --working-dir . -- python -m jobs.pretrain_perceptual configs/pretrain_perceptual.yaml \\
    clips=s3://YOUR-BUCKET/clips output=s3://YOUR-BUCKET/perceptual workers=2 use_gpu=true \\
    max_wait_s=1200 tracking_uri=http://mlflow.mlflow:5000
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("pretrain_perceptual")
