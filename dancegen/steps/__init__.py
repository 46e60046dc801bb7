"""The steps of the pipeline, in order. To add a step, add a folder here and a line in NAMES; then run `make docs`."""

from importlib import import_module

from dancegen.steps.step import Step

NAMES = (
    "make_corpus",
    "extract_poses",
    "import_poses",
    "cut_clips",
    "cut_frames",
    "pretrain_perceptual",
    "train_dance",
    "train_renderer",
    "train_cross_modal",
    "search",
    "evaluate",
    "evaluate_renderer",
    "render",
)

STEPS: dict[str, Step] = {name: import_module(f"dancegen.steps.{name}").STEP for name in NAMES}
