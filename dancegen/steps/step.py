"""Description of a step of the pipeline. Imports no other module, so that --help is fast."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of the pipeline. Its folder, `dancegen/steps/<name>/`, defines it as `STEP`."""

    name: str
    """Name of its folder, its settings file and its job."""
    settings_class: str
    """Name of the settings class in the settings.py of its folder."""
    help: str
    """Help text: one imperative sentence."""
    doing: str
    """First log line of a run, formatted with the settings."""
    title: str
    """Title of the job, for its manifest."""
    often: str
    """The ten most used settings, for its help."""
    example: str
    """Example arguments on one machine, for its help."""
    on_cluster: str
    """Example arguments on a cluster, for its job and its manifest. Every path is on S3."""

    @property
    def command(self) -> str:
        """Name of the command."""
        return self.name.replace("_", "-")

    @property
    def settings(self) -> str:
        """Import path of the settings class."""
        return f"dancegen.steps.{self.name}.settings:{self.settings_class}"

    @property
    def run(self) -> str:
        """Import path of the function that runs the step."""
        return f"dancegen.steps.{self.name}.pipeline:run"
