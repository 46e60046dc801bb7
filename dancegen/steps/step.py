"""What every step of the flow says of itself. Imports nothing: help answers at once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of the flow. Its folder, `dancegen/steps/<name>/`, defines one as `STEP`."""

    name: str
    """As its folder, its settings file and its job are called."""
    settings_class: str
    """In the settings.py of its folder."""
    help: str
    """One imperative sentence."""
    doing: str
    """First line of a run, filled in from the settings."""
    title: str
    """What the job does on a cluster, for its manifest."""
    often: str
    """The ten settings that are given most, for its help."""
    example: str
    """What to give it on one machine, for its help."""
    on_cluster: str
    """What to give it on a cluster, for its job and its manifest. Every path is on S3."""
    hours_on_cluster: int
    """After which Kubernetes ends the job."""

    @property
    def command(self) -> str:
        """The step on the command line."""
        return self.name.replace("_", "-")

    @property
    def settings(self) -> str:
        """Where the class of the settings is."""
        return f"dancegen.steps.{self.name}.settings:{self.settings_class}"

    @property
    def run(self) -> str:
        """Where the work is."""
        return f"dancegen.steps.{self.name}.pipeline:run"
