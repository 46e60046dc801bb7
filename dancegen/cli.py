"""The command line: `dancegen STEP CONFIG key=value ...`, and the same for `python -m jobs.STEP`.

Whatever is slow to import (settings, Ray, torch) is imported inside the commands, so that help and
a wrong setting answer at once. What a person can fix ends as one message and exit code 2.
"""

import sys
from pathlib import Path
from typing import Any

import click

from dancegen import __version__
from dancegen.console import FILE, HELP, PLACE, ErrorBoundary, open_closed_streams
from dancegen.steps import STEPS
from dancegen.steps.command import check, load, step_command


class Commands(click.Group):
    """Commands that are also found in their earlier spelling, with underscores."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command that the words name."""
        open_closed_streams()
        return super().main(*args, **options)

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
@click.argument("song", metavar="SONG", type=PLACE)
@click.option("-o", "--output", "video", required=True, metavar="VIDEO", type=PLACE, help="The mp4 to write.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another dance to the same song.")
@click.option("--look", default="avatar", show_default=True, help="avatar, skeleton or skeleton-light.")
@click.option(
    "--checkpoint", metavar="FILE", type=PLACE, help="A trained model. Default: the one that comes with dancegen."
)
@click.option("--fps", default=30.0, show_default=True, help="Pictures a second, 25 to 60.")
@click.option("--size", type=Size(), default="1280x720", show_default=True)
@overwrite
def dance(song: str, video: str, size: tuple[int, int], **options: Any) -> None:
    """Make a dance video of one song. No settings file, no cluster.

    SONG is anything with sound: mp3, wav, flac, ogg, m4a, or a video. Paths and s3:// alike.
    """
    with ErrorBoundary():
        from dancegen import config

        given = {key: value for key, value in options.items() if value is not None}
        kind = load("dancegen.steps.render.settings:DanceConfig")
        width_px, height_px = size
        settings = config.validate(
            kind, {"song": song, "video": video, "width_px": width_px, "height_px": height_px, **given}
        )
        check(settings)
        click.echo(f"dance: {settings.song} to {settings.video}", err=True)
        load("dancegen.steps.render.one_song:run")(settings)


@main.command(short_help="Put frames of several videos on one picture.")
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...", type=PLACE)
@click.option(
    "-o", "--output", "picture", required=True, metavar="PICTURE", type=PLACE, help="The .png or .jpg to write."
)
@overwrite
def sheet(**options: Any) -> None:
    """Put frames of several videos on one picture, a row each, to see at a glance whether the dances are good."""
    with ErrorBoundary():
        from dancegen import config

        settings = config.validate(load("dancegen.tools.contact_sheet.settings:SheetConfig"), options)
        check(settings)
        load("dancegen.tools.contact_sheet.run:write_contact_sheet")(settings.videos, settings.picture)
        click.echo(settings.picture)


@main.command("import-weights", short_help="Turn the published weights into a checkpoint.")
@click.argument("weights", metavar="WEIGHTS", type=PLACE)
@click.option("-o", "--output", required=True, metavar="CHECKPOINT", type=PLACE, help="The .safetensors to write.")
@overwrite
def import_weights(**options: Any) -> None:
    """Turn the published weights (Ren et al., ACM MM 2020) into a checkpoint that gives what they gave.

    WEIGHTS is the state dict of their generator, for `dancegen dance --checkpoint`, or of their ST-GCN, for the
    perceptual loss of `train-dance`; which of the two is seen from its keys. No code in the file is run.
    """
    with ErrorBoundary():
        from dancegen import config

        kind = load("dancegen.tools.import_weights.settings:ImportWeightsConfig")
        settings = config.validate(kind, options)
        check(settings)
        found = load("dancegen.tools.import_weights.run:run")(settings)
        click.echo(f"The published {found}, as a checkpoint: {settings.output}")


@main.command("compare-estimators", short_help="See how far two pose estimators agree on some videos.")
@click.argument("videos", metavar="VIDEOS", type=PLACE)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--estimators", nargs=2, default=("mediapipe", "openpose_json"), show_default=True, metavar="ONE OTHER")
@click.option(
    "-o", "--output", required=True, metavar="FOLDER", type=PLACE, help="Where the page, the table and the pictures go."
)
@overwrite
def compare_estimators(settings: tuple[str, ...], estimators: tuple[str, str], **options: Any) -> None:
    """See how far two pose estimators agree on some videos: figures, and the frames where they differ most.

    VIDEOS is a folder, a list (.txt), a table (.csv, .parquet) or one video. OTHER is measured against ONE.
    """
    with ErrorBoundary():
        from dancegen import config

        kind = load("dancegen.tools.compare_estimators.settings:CompareEstimatorsConfig")
        given = {**options, "estimators": list(estimators)}
        chosen = config.validate(kind, {**config.merge(None, settings), **given})
        check(chosen)
        for line in load("dancegen.tools.compare_estimators.run:run")(chosen):
            click.echo(line)


HOURLY_HELP = "People who may begin within an hour from one network address (a school's), without codes."


@main.group(context_settings=HELP, short_help="Ask people which dances they prefer.")
def study() -> None:
    """Ask people which of two sets of dances they prefer, blind, as the paper did."""


@study.command("make", short_help="Cut pairs of clips from two sets of videos.")
@click.argument("a", metavar="A", type=PLACE)
@click.argument("b", metavar="B", type=PLACE)
@click.option("-o", "--output", required=True, metavar="STUDY", type=PLACE, help="Folder of the study.")
@click.option("--names", nargs=2, default=("A", "B"), show_default=True, metavar="A B", help="Names in the results.")
@click.option("--pairs", default=20, show_default=True, help="Pairs at most.")
@click.option("--seconds", default=5.0, show_default=True, help="Of each video.")
@click.option("--catch", default=2, show_default=True, help="Pairs whose answer is known, to find who does not look.")
@click.option("--seed", default=0, show_default=True, help="Decides pairs, moments, order and sides.")
def study_make(**options: Any) -> None:
    """Cut pairs of clips from two sets of videos: folders, or lists. Videos of the same file name are a pair."""
    with ErrorBoundary():
        from dancegen import config

        settings = config.validate(load("dancegen.tools.study.settings:MakeStudyConfig"), options)
        check(settings)
        for line in load("dancegen.tools.study.make:run")(settings):
            click.echo(line)


@study.command("serve", short_help="Show a study to people, in their browsers.")
@click.argument("folder", metavar="STUDY", type=PLACE)
@click.option("--host", type=PLACE, default="127.0.0.1", show_default=True, help="0.0.0.0 lets other machines in.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--database", type=FILE, metavar="FILE", help="The answers. Default: answers.db in STUDY.")
@click.option("--hourly", default=200, show_default=True, type=click.IntRange(1), help=HOURLY_HELP)
@click.option("--proxied", is_flag=True, help="A proxy is before it: believe its X-Forwarded-For and -Host.")
def study_serve(**options: Any) -> None:
    """Show a study to people, in their browsers, on phones too. Put a proxy with HTTPS before it on the internet.

    Anybody who reaches it may begin, unless you make invitation codes with `dancegen study invite`.
    """
    with ErrorBoundary():
        load("dancegen.tools.study.serve:run")(**options)


@study.command("invite", short_help="Make invitation codes, one a person.")
@click.argument("folder", metavar="STUDY", type=PLACE)
@click.argument("people", metavar="PEOPLE", type=click.IntRange(1, 100_000))
@click.option("--database", type=FILE, metavar="FILE", help="The answers. Default: answers.db in STUDY.")
@click.option("--address", metavar="URL", type=PLACE, help="Of the server: print links instead of bare codes.")
def study_invite(folder: str, people: int, database: Path | None, address: str | None) -> None:
    """Make invitation codes, one a line. Each lets one person begin; once there are any, nobody begins without one."""
    with ErrorBoundary():
        prefix = f"{address.rstrip('/')}/?code=" if address else ""
        for code in load("dancegen.tools.study.serve:invite")(folder, people, database):
            click.echo(prefix + code)


@study.command("analyse", short_help="Count the answers: preferences by group, with intervals.")
@click.argument("folder", metavar="STUDY", type=PLACE)
@click.option("-o", "--output", required=True, metavar="FOLDER", type=PLACE, help="Where the page and the tables go.")
@click.option("--database", multiple=True, metavar="FILE", type=PLACE, help="Answers; may be given several times.")
@click.option("--max-caught", default=0.25, show_default=True, help="Share of wrong answers where the answer is known.")
@overwrite
def study_analyse(folder: str, database: tuple[str, ...], **options: Any) -> None:
    """Count the answers: preferences by question and group, with intervals, and a chart."""
    with ErrorBoundary():
        from dancegen import config

        kind = load("dancegen.tools.study.settings:AnalyseStudyConfig")
        settings = config.validate(kind, {"study": folder, "databases": database, **options})
        check(settings)
        for one in load("dancegen.tools.study.analyse:run")(settings):
            click.echo(f"{one.question}, {one.group}: {one.rate:.1%} [{one.low:.1%}, {one.high:.1%}] of {one.answers}")
        click.echo(f"Look at {settings.output}/index.html")


@main.command(short_help="Say what works on this machine, and what to do about the rest.")
@click.option(
    "--storage", metavar="URI", type=PLACE, help="Also check that this folder or s3:// prefix can be written and read."
)
@click.option("--tracking", metavar="URI", type=PLACE, help="Also check that this MLflow server or database answers.")
@click.option(
    "--address",
    metavar="ADDRESS",
    type=PLACE,
    help="Also check that this Ray cluster answers, such as http://head:8265.",
)
def doctor(storage: str | None, tracking: str | None, address: str | None) -> None:
    """Say what works on this machine, and what to do about the rest.

    Exit code 1 when something that dancegen needs does not work.
    """
    with ErrorBoundary():
        broken = False
        for finding in load("dancegen.tools.doctor:run")(storage, tracking, address):
            click.echo(str(finding))
            broken |= finding.broken
        sys.exit(1 if broken else 0)


for _step in STEPS.values():
    main.add_command(step_command(_step))
