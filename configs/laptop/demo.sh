#!/usr/bin/env bash
# The whole flow on a small corpus, as a user types it. `make demo` runs it; run again, it goes on where it stopped.
#   demo.sh [FOLDER [CONFIGS]]    where the results go (demo/), and the settings (this folder)
set -euo pipefail
out=${1:-demo}
configs=${2:-configs/laptop}
started=$SECONDS

step() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

step "1/8  Songs with known beats, dancers, and videos of them"
dancegen make-corpus "$configs/make_corpus.yaml" output="$out/corpus"

step "2/8  Poses from the videos"
dancegen extract-poses "$configs/extract_poses.yaml" videos="$out/corpus/videos.csv" poses="$out/poses"

step "3/8  Clips of five seconds: pose, sound, rhythm"
dancegen cut-clips "$configs/cut_clips.yaml" poses="$out/poses" clips="$out/clips"

step "4/8  A little training"
dancegen train-dance "$configs/train_dance.yaml" clips="$out/clips" output="$out/dance"

step "5/8  A little search for loss weights"
dancegen search "$configs/search.yaml" train.clips="$out/clips" output="$out/search"

step "6/8  The corpus's songs, danced by the model just trained (it has seen little: expect little)"
dancegen render "$configs/render.yaml" songs="$out/corpus/songs" output="$out/videos_new" \
    checkpoint="$out/dance/dance.safetensors"

step "7/8  The same songs, danced by the shipped model"
dancegen render "$configs/render.yaml" songs="$out/corpus/songs" output="$out/videos_shipped"

step "8/8  A picture of them all"
dancegen sheet "$out"/videos_new/*.mp4 "$out"/videos_shipped/*.mp4 -o "$out/contact_sheet.png"

printf '\nDone in %d s. Look at:\n' $((SECONDS - started))
printf '  %s\n' "$out"/videos_new/*.mp4 "$out"/videos_shipped/*.mp4 "$out/contact_sheet.png"
printf 'Trainings and their losses: mlflow ui --backend-store-uri sqlite:///%s\n' "$out/dance/mlflow.db"
