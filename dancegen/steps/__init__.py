"""The steps of the flow, in its order. A new step is a folder here and a line in NAMES; then `make docs`."""

from importlib import import_module

from dancegen.steps.step import Step

NAMES = (
    "make_corpus",
    "extract_poses",
    "import_poses",
    "cut_clips",
    "pretrain_perceptual",
    "train_dance",
    "train_cross_modal",
    "search",
    "evaluate",
    "render",
)

STEPS: dict[str, Step] = {name: import_module(f"dancegen.steps.{name}").STEP for name in NAMES}
