"""The command line: `dancegen STEP CONFIG key=value ...`, and the same for `python -m jobs.STEP`.

Whatever is slow to import (settings, Ray, torch) is imported inside the commands, so that help and
a wrong setting answer at once. What a person can fix ends as one message and exit code 2.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from dancegen import __version__, stopping
from dancegen.errors import ConfigError, DanceGenError

HELP = {"help_option_names": ["-h", "--help"]}
REPLACE = "Give --overwrite to replace it, or name another output."
REPLACE_STEP = "Give overwrite=true to replace it, or name another output."
MOVE = "Move it away, or name another output."
WRONG = 2  # exit code: something to correct


@dataclass(frozen=True)
class Step:
    """One step of the flow."""

    name: str  # as its modules and its settings file are called
    kind: str  # class of its settings, in dancegen/settings/<name>.py
    help: str
    says: str  # the job's first line, filled in from the settings

    @property
    def command(self) -> str:
        """The step on the command line."""
        return self.name.replace("_", "-")

    @property
    def settings(self) -> str:
        """Where the class of the settings is."""
        return f"dancegen.settings.{self.name}:{self.kind}"

    @property
    def run(self) -> str:
        """Where the work is."""
        return f"dancegen.pipelines.{self.name}:run"


STEPS = {
    step.name: step
    for step in (
        Step(
            "make_corpus",
            "MakeCorpusConfig",
            "Make songs, dancers and videos with known truth.",
            "a corpus in {output}",
        ),
        Step(
            "extract_poses",
            "ExtractPosesConfig",
            "Find the dancer in videos.",
            "videos in {videos} to poses in {poses}",
        ),
        Step(
            "import_poses",
            "ImportPosesConfig",
            "Take poses from other people's files.",
            "{format} in {source} to poses in {poses}",
        ),
        Step("cut_clips", "CutClipsConfig", "Cut poses and sound into clips.", "poses in {poses} to clips in {clips}"),
        Step(
            "pretrain_perceptual",
            "PretrainPerceptualConfig",
            "Train the network of the perceptual loss.",
            "clips in {clips} to a {kind} network in {output}",
        ),
        Step(
            "train_dance", "TrainDanceConfig", "Train the model that dances.", "clips in {clips} to a model in {output}"
        ),
        Step(
            "train_cross_modal",
            "TrainCrossModalConfig",
            "Learn how such music is danced, to measure it.",
            "clips in {clips} to the cross-modal metric in {output}",
        ),
        Step("search", "SearchConfig", "Search for good settings of training.", "trainings on clips in {train.clips}"),
        Step(
            "evaluate",
            "EvaluateConfig",
            "Measure dances against real ones.",
            "dances to the music of {clips}, scores in {output}",
        ),
        Step("render", "RenderConfig", "Make a dance video of every song.", "songs in {songs} to videos in {output}"),
    )
}


class Explained:
    """Ends the process with one message when a person can do something about the error, on Ctrl-C and on SIGTERM."""

    def __enter__(self) -> None:
        stopping.hear_sigterm()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (code := stopping.exit_code(error)) is not None:
            click.echo("Stopped.", err=True)
            sys.exit(code)
        if error is not None and (wrong := _fixable(error)) is not None:
            click.echo(str(wrong), err=True)
            sys.exit(WRONG)


def _fixable(error: BaseException) -> DanceGenError | None:
    """The DanceGenError itself, or the one that Ray wrapped in its own errors (as `cause`, or one a worker)."""
    if isinstance(error, DanceGenError):
        return getattr(error, "cause", error)
    failures = getattr(error, "worker_failures", None)
    inside = [
        getattr(error, "cause", None),
        error.__cause__,
        *(failures.values() if isinstance(failures, dict) else ()),
    ]
    found = (_fixable(inner) for inner in inside if isinstance(inner, BaseException))
    return next((wrong for wrong in found if wrong is not None), None)


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


class Commands(click.Group):
    """Commands that are also found in their earlier spelling, with underscores."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        return super().get_command(ctx, cmd_name.replace("_", "-"))


@click.group(cls=Commands, context_settings=HELP)
@click.version_option(__version__, prog_name="dancegen")
def main() -> None:
    """Music in, dance videos out, at the scale of a cluster.

    `dancegen dance SONG -o VIDEO` makes one video. The other commands are the steps from videos to a model
    and from a library of songs to videos; each takes a settings file from configs/ and key=value over it.
    """


def step_command(step: Step) -> click.Command:
    """The command of one step."""

    @click.command(step.command, context_settings=HELP, help=step.help)
    @click.argument("settings", nargs=-1, metavar="[CONFIG] [KEY=VALUE]...")
    @click.option("--show", is_flag=True, help="Print the settings that would be used, and stop.")
    @click.option("--submit", metavar="ADDRESS", help="Run on a Ray cluster, such as http://head:8265, and follow it.")
    @click.option("--env", multiple=True, metavar="NAME", help="With --submit: pass on this environment variable.")
    def command(settings: tuple[str, ...], show: bool, submit: str | None, env: tuple[str, ...]) -> None:
        with Explained():
            sys.exit(_run(step, settings, show, submit, env))

    return command


def _run(step: Step, words: tuple[str, ...], show: bool, address: str | None, env: tuple[str, ...]) -> int:
    from dancegen import config

    path, overrides = (words[0], words[1:]) if words and "=" not in words[0] else (None, words)
    settings = config.load(_load(step.settings), path, overrides)
    if show:
        click.echo(config.to_yaml(settings), nl=False)
        return 0
    what = f"{step.command}: {step.says.format(**dict(settings))}"
    if address:
        click.echo(f"{what}, on {address}", err=True)
        return _load("dancegen.pipelines.submit:submit")(step.name, settings, address, env)
    if env:
        raise ConfigError(
            "--env", "has a meaning only with --submit.", "Leave it out: this process has the variables already."
        )
    _check(settings, *filter(None, [path]), remedy=REPLACE_STEP if hasattr(settings, "overwrite") else MOVE)
    click.echo(what, err=True)
    _load(step.run)(settings)
    return 0


def _check(settings: Any, *read: str, remedy: str = REPLACE) -> None:
    """Raise when an input is missing, or an output would replace what is read, or what dancegen did not write."""
    from dancegen import config, outputs

    config.check_inputs(settings)
    outputs.check(settings, read, remedy)
    outputs.check_writable(settings)


def job(name: str) -> None:
    """Entry point of `python -m jobs.STEP`: the step's command, without its name."""
    step_command(STEPS[name]).main(prog_name=f"python -m jobs.{name}")


overwrite = click.option("--overwrite", is_flag=True, help="Replace files that dancegen did not write.")


class Size(click.ParamType):
    """A picture's size: 1280x720."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Width and height in pixels."""
        width, _, height = str(value).lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            self.fail(f"{value!r} is no size. Write for example 1280x720.", param, ctx)
        return int(width), int(height)


@main.command(short_help="Make a dance video of one song.")
@click.argument("song", metavar="SONG")
@click.option("-o", "--output", "video", required=True, metavar="VIDEO", help="The mp4 to write.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another dance to the same song.")
@click.option("--look", default="avatar", show_default=True, help="avatar, skeleton or skeleton-light.")
@click.option("--checkpoint", metavar="FILE", help="A trained model. Default: the one that comes with dancegen.")
@click.option("--fps", default=30.0, show_default=True, help="Pictures a second, 25 to 60.")
@click.option("--size", type=Size(), default="1280x720", show_default=True)
@overwrite
def dance(song: str, video: str, size: tuple[int, int], **options: Any) -> None:
    """Make a dance video of one song. No settings file, no cluster.

    SONG is anything with sound: mp3, wav, flac, ogg, m4a, or a video. Paths and s3:// alike.
    """
    with Explained():
        from dancegen import config

        given = {key: value for key, value in options.items() if value is not None}
        kind = _load("dancegen.settings.render:DanceConfig")
        width_px, height_px = size
        settings = config.validate(
            kind, {"song": song, "video": video, "width_px": width_px, "height_px": height_px, **given}
        )
        _check(settings)
        click.echo(f"dance: {settings.song} to {settings.video}", err=True)
        _load("dancegen.pipelines.dance:run")(settings)


@main.command(short_help="Put frames of several videos on one picture.")
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@click.option("-o", "--output", "picture", required=True, metavar="PICTURE", help="The .png or .jpg to write.")
@overwrite
def sheet(**options: Any) -> None:
    """Put frames of several videos on one picture, a row each, to see at a glance whether the dances are good."""
    with Explained():
        from dancegen import config

        settings = config.validate(_load("dancegen.settings.sheet:SheetConfig"), options)
        _check(settings)
        _load("dancegen.media.sheet:write_contact_sheet")(settings.videos, settings.picture)
        click.echo(settings.picture)


@main.command("import-weights", short_help="Turn the published weights into a checkpoint.")
@click.argument("weights", metavar="WEIGHTS")
@click.option("-o", "--output", required=True, metavar="CHECKPOINT", help="The .safetensors to write.")
@overwrite
def import_weights(**options: Any) -> None:
    """Turn the published weights (Ren et al., ACM MM 2020) into a checkpoint that gives what they gave.

    WEIGHTS is the state dict of their generator, for `dancegen dance --checkpoint`, or of their ST-GCN, for the
    perceptual loss of `train-dance`; which of the two is seen from its keys. No code in the file is run.
    """
    with Explained():
        from dancegen import config

        kind = _load("dancegen.settings.import_weights:ImportWeightsConfig")
        settings = config.validate(kind, options)
        _check(settings)
        found = _load("dancegen.pipelines.import_weights:run")(settings)
        click.echo(f"The published {found}, as a checkpoint: {settings.output}")


@main.command("compare-estimators", short_help="See how far two pose estimators agree on some videos.")
@click.argument("videos", metavar="VIDEOS")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--estimators", nargs=2, default=("mediapipe", "openpose_json"), show_default=True, metavar="ONE OTHER")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the page, the table and the pictures go.")
@overwrite
def compare_estimators(settings: tuple[str, ...], estimators: tuple[str, str], **options: Any) -> None:
    """See how far two pose estimators agree on some videos: figures, and the frames where they differ most.

    VIDEOS is a folder, a list (.txt), a table (.csv, .parquet) or one video. OTHER is measured against ONE.
    """
    with Explained():
        from dancegen import config

        kind = _load("dancegen.settings.compare_estimators:CompareEstimatorsConfig")
        given = {**options, "estimators": list(estimators)}
        chosen = config.validate(kind, {**config.merge(None, settings), **given})
        _check(chosen)
        for line in _load("dancegen.pipelines.compare_estimators:run")(chosen):
            click.echo(line)


HOURLY_HELP = "People who may begin within an hour from one network address (a school's), without codes."


@main.group(context_settings=HELP, short_help="Ask people which dances they prefer.")
def study() -> None:
    """Ask people which of two sets of dances they prefer, blind, as the paper did."""


@study.command("make", short_help="Cut pairs of clips from two sets of videos.")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("-o", "--output", required=True, metavar="STUDY", help="Folder of the study.")
@click.option("--names", nargs=2, default=("A", "B"), show_default=True, metavar="A B", help="Names in the results.")
@click.option("--pairs", default=20, show_default=True, help="Pairs at most.")
@click.option("--seconds", default=5.0, show_default=True, help="Of each video.")
@click.option("--catch", default=2, show_default=True, help="Pairs whose answer is known, to find who does not look.")
@click.option("--seed", default=0, show_default=True, help="Decides pairs, moments, order and sides.")
def study_make(**options: Any) -> None:
    """Cut pairs of clips from two sets of videos: folders, or lists. Videos of the same file name are a pair."""
    with Explained():
        from dancegen import config

        settings = config.validate(_load("dancegen.settings.study:MakeStudyConfig"), options)
        _check(settings)
        for line in _load("dancegen.study.make:run")(settings):
            click.echo(line)


@study.command("serve", short_help="Show a study to people, in their browsers.")
@click.argument("folder", metavar="STUDY")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 lets other machines in.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--database", type=Path, metavar="FILE", help="The answers. Default: answers.db in STUDY.")
@click.option("--hourly", default=200, show_default=True, type=click.IntRange(1), help=HOURLY_HELP)
@click.option("--proxied", is_flag=True, help="A proxy is before it: believe its X-Forwarded-For and -Host.")
def study_serve(**options: Any) -> None:
    """Show a study to people, in their browsers, on phones too. Put a proxy with HTTPS before it on the internet.

    Anybody who reaches it may begin, unless you make invitation codes with `dancegen study invite`.
    """
    with Explained():
        _load("dancegen.study.serve:run")(**options)


@study.command("invite", short_help="Make invitation codes, one a person.")
@click.argument("folder", metavar="STUDY")
@click.argument("people", metavar="PEOPLE", type=click.IntRange(1, 100_000))
@click.option("--database", type=Path, metavar="FILE", help="The answers. Default: answers.db in STUDY.")
@click.option("--address", default="", metavar="URL", help="Of the server: print links instead of bare codes.")
def study_invite(folder: str, people: int, database: Path | None, address: str) -> None:
    """Make invitation codes, one a line. Each lets one person begin; once there are any, nobody begins without one."""
    with Explained():
        prefix = f"{address.rstrip('/')}/?code=" if address else ""
        for code in _load("dancegen.study.serve:invite")(folder, people, database):
            click.echo(prefix + code)


@study.command("analyse", short_help="Count the answers: preferences by group, with intervals.")
@click.argument("folder", metavar="STUDY")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the page and the tables go.")
@click.option("--database", multiple=True, metavar="FILE", help="Answers; may be given several times.")
@click.option("--max-caught", default=0.25, show_default=True, help="Share of wrong answers where the answer is known.")
@overwrite
def study_analyse(folder: str, database: tuple[str, ...], **options: Any) -> None:
    """Count the answers: preferences by question and group, with intervals, and a chart."""
    with Explained():
        from dancegen import config

        kind = _load("dancegen.settings.study:AnalyseStudyConfig")
        settings = config.validate(kind, {"study": folder, "databases": database, **options})
        _check(settings)
        for one in _load("dancegen.study.analyse:run")(settings):
            click.echo(f"{one.question}, {one.group}: {one.rate:.1%} [{one.low:.1%}, {one.high:.1%}] of {one.answers}")
        click.echo(f"Look at {settings.output}/index.html")


@main.command(short_help="Say what works on this machine, and what to do about the rest.")
@click.option("--storage", metavar="URI", help="Also check that this folder or s3:// prefix can be written and read.")
@click.option("--tracking", metavar="URI", help="Also check that this MLflow server or database answers.")
@click.option(
    "--address", metavar="ADDRESS", help="Also check that this Ray cluster answers, such as http://head:8265."
)
def doctor(storage: str | None, tracking: str | None, address: str | None) -> None:
    """Say what works on this machine, and what to do about the rest.

    Exit code 1 when something that dancegen needs does not work.
    """
    with Explained():
        broken = False
        for finding in _load("dancegen.pipelines.doctor:run")(storage, tracking, address):
            click.echo(str(finding))
            broken |= finding.broken
        sys.exit(1 if broken else 0)


for _step in STEPS.values():
    main.add_command(step_command(_step))
