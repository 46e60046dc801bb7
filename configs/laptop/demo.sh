#!/usr/bin/env bash
# The whole pipeline on a small corpus, with the commands that a user runs. `make demo` runs it; a second run resumes.
#   demo.sh [FOLDER [CONFIGS]]    folder of the results (demo/), and of the settings (this folder)
set -euo pipefail
out=${1:-demo}
configs=${2:-configs/laptop}
started=$SECONDS

step() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

step "1/8  Generate a synthetic corpus: songs with known beats, and dance videos"
dancegen make-corpus "$configs/make_corpus.yaml" output="$out/corpus"

step "2/8  Extract poses from the videos"
dancegen extract-poses "$configs/extract_poses.yaml" videos="$out/corpus/videos.csv" poses="$out/poses"

step "3/8  Cut clips of five seconds: poses, audio, rhythm"
dancegen cut-clips "$configs/cut_clips.yaml" poses="$out/poses" clips="$out/clips"

step "4/8  Train a dance model (short training)"
dancegen train-dance "$configs/train_dance.yaml" clips="$out/clips" output="$out/dance"

step "5/8  Search the loss weights (small search)"
dancegen search "$configs/search.yaml" train.clips="$out/clips" output="$out/search"

step "6/8  Render the corpus's songs with the new model (a training of minutes)"
dancegen render "$configs/render.yaml" songs="$out/corpus/songs" output="$out/videos_new" \
    checkpoint="$out/dance/dance.safetensors"

step "7/8  Render the same songs with the shipped model"
dancegen render "$configs/render.yaml" songs="$out/corpus/songs" output="$out/videos_shipped"

step "8/8  Put frames of all videos into one image"
dancegen sheet "$out"/videos_new/*.mp4 "$out"/videos_shipped/*.mp4 -o "$out/contact_sheet.png"

printf '\nDone in %d s. Results:\n' $((SECONDS - started))
printf '  %s\n' "$out"/videos_new/*.mp4 "$out"/videos_shipped/*.mp4 "$out/contact_sheet.png"
printf 'Losses of the trainings: mlflow ui --backend-store-uri sqlite:///%s\n' "$out/dance/mlflow.db"
