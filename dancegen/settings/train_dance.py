"""Settings of train_dance: which clips, which model, how long, and on how many workers."""

from pydantic import PositiveInt

from dancegen.config import Uri
from dancegen.settings.dance_model import DanceModelConfig
from dancegen.settings.training_run import TrainingRun


class TrainDanceConfig(TrainingRun):
    """clips -> a model that dances."""

    output: Uri = "runs/dance"
    """Folder for the run: its checkpoints below the name, and dance.safetensors, the finished model."""
    model: DanceModelConfig = DanceModelConfig()
    """The model and its losses; configs/presets/ has whole sets of these."""
    epochs: PositiveInt = 100
    """Times that every clip is seen. May be raised later: the run then goes on."""
