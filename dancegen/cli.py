"""The command line: `dancegen STEP CONFIG key=value ...`, and the same for `python -m jobs.STEP`.

Modules that are slow to import (settings, Ray, torch) are imported inside the commands, so that help and
configuration errors are printed without delay. Errors that the user can fix end as one message and exit code 2.
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
    """Command group that also accepts the earlier spelling of command names, with underscores."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Parse the arguments and run the command."""
        open_closed_streams()
        return super().main(*args, **options)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None; underscores are accepted as hyphens."""
        return super().get_command(ctx, cmd_name.replace("_", "-"))


@click.group(cls=Commands, context_settings=HELP)
@click.version_option(__version__, prog_name="dancegen")
def main() -> None:
    """Generate dance videos from music, on one machine or a Ray cluster.

    `dancegen dance SONG -o VIDEO` renders one video. The steps train a model from videos and render a library
    of songs; each takes a settings file from configs/ and key=value overrides.
    """


overwrite = click.option("--overwrite", is_flag=True, help="Replace files that dancegen did not write.")


FORMATS = "npz, openpose18, openpose25, pose-video, bvh, beats-csv, beats-srt, sections-csv, sections-srt"
pose_size = click.option(
    "--pose-size",
    "pose_video_size",
    default="512x768",
    show_default=True,
    metavar="WIDTHxHEIGHT",
    help="Frame size of pose videos; image animators take 512x768 or 576x1024.",
)


class Size(click.ParamType):
    """Frame size in pixels, such as 1280x720."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Width and height in pixels."""
        width, _, height = str(value).lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            self.fail(f"{value!r} is not a valid size. Use WIDTHxHEIGHT, for example 1280x720.", param, ctx)
        return int(width), int(height)


class Section(click.ParamType):
    """Start and end in seconds, such as 32:48."""

    name = "START:END"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Start and end in seconds."""
        start, _, end = str(value).partition(":")
        try:
            return float(start), float(end)
        except ValueError:
            self.fail(f"{value!r} is not a valid section. Use START:END in seconds, for example 32:48.", param, ctx)


@main.command(short_help="Render a dance video for one song.")
@click.argument("song", metavar="SONG", type=PLACE)
@click.option("-o", "--output", "video", required=True, metavar="VIDEO", type=PLACE, help="Output file (.mp4).")
@click.option("--seed", default=0, show_default=True, help="Random seed of the dance.")
@click.option("--from", "dance", metavar="DANCE", type=PLACE, help="Render this dance (.npz, of --export npz) again.")
@click.option(
    "--section", type=Section(), help="In seconds: dance only this section of --from anew, with another --seed."
)
@click.option("--candidates", default=1, show_default=True, help="Number of dances, of which the best is rendered.")
@click.option(
    "--look",
    default="avatar",
    show_default=True,
    metavar="LOOK",
    help="Rendering style: avatar, skeleton, skeleton-light, mia (a person), a person's checkpoint, or external.",
)
@click.option(
    "--animator",
    metavar="COMMAND",
    help="With --look external: a program that makes a video: 'animate --poses {poses} --out {video}'.",
)
@click.option("--picture", "animator_picture", metavar="FILE", type=PLACE, help="The {picture} of --animator.")
@click.option(
    "--style",
    default="auto",
    show_default=True,
    metavar="STYLE",
    help="Style of the dance: a style of the model, auto (the one that fits the music best), or none.",
)
@click.option(
    "--energy",
    type=float,
    metavar="NUMBER",
    help="Speed of the dance in proportion to the usual one of its style, 0.5 to 2. Default: what the music suggests.",
)
@click.option("--checkpoint", metavar="FILE", type=PLACE, help="Trained model. Default: the one shipped with dancegen.")
@click.option("--fps", default=30.0, show_default=True, help="Frames per second, 25 to 60.")
@click.option("--size", type=Size(), help="Frame size in pixels. Default: 1280x720, or that of the person's pictures.")
@click.option(
    "--export", "exports", multiple=True, metavar="FORMAT", help=f"Also write, beside the video: {FORMATS}. Repeatable."
)
@pose_size
@overwrite
def dance(song: str, video: str, size: tuple[int, int] | None, **options: Any) -> None:
    """Render a dance video for one song. Requires no settings file and no cluster.

    SONG is an audio file (mp3, wav, flac, ogg, m4a) or a video with an audio track, as a path or an s3:// URI.
    """
    with ErrorBoundary():
        from dancegen import config

        given = {key: value for key, value in options.items() if value is not None}
        kind = load("dancegen.steps.render.settings:DanceConfig")
        width_px, height_px = size or (None, None)
        settings = config.validate(
            kind, {"song": song, "video": video, "width_px": width_px, "height_px": height_px, **given}
        )
        check(settings)
        click.echo(f"dance: {settings.song} to {settings.video}", err=True)
        load("dancegen.steps.render.one_song:run")(settings)


@main.command(short_help="Write dances in the formats of other programs.")
@click.argument("dances", metavar="DANCES", type=PLACE)
@click.option("-o", "--output", required=True, metavar="FOLDER", type=PLACE, help="Output folder.")
@click.option(
    "--format", "formats", multiple=True, required=True, metavar="FORMAT", help=f"One of: {FORMATS}. Repeatable."
)
@pose_size
@overwrite
def export(**options: Any) -> None:
    """Write dances in the formats of other programs. Nothing is rendered again.

    DANCES is a dance (.npz) from `dancegen dance --export npz`, or the table of renders of a library that was rendered
    with exports=[npz].
    """
    with ErrorBoundary():
        from dancegen import config

        settings = config.validate(load("dancegen.tools.export.settings:ExportConfig"), options)
        check(settings)
        for line in load("dancegen.tools.export.run:run")(settings):
            click.echo(line)


@main.command(short_help="Write a contact sheet of several videos.")
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...", type=PLACE)
@click.option(
    "-o", "--output", "picture", required=True, metavar="PICTURE", type=PLACE, help="Output image (.png or .jpg)."
)
@overwrite
def sheet(**options: Any) -> None:
    """Write a contact sheet: frames of several videos in one image, one row per video, for visual inspection."""
    with ErrorBoundary():
        from dancegen import config

        settings = config.validate(load("dancegen.tools.contact_sheet.settings:SheetConfig"), options)
        check(settings)
        load("dancegen.tools.contact_sheet.run:write_contact_sheet")(settings.videos, settings.picture)
        click.echo(settings.picture)


@main.command(short_help="Find the beats, bars and sections of a song.")
@click.argument("song", metavar="SONG", type=PLACE)
@click.option("-o", "--output", "table", required=True, metavar="TABLE", type=PLACE, help="Output table (.csv).")
@click.option("--picture", metavar="PICTURE", type=PLACE, help="Also write an image (.png or .jpg).")
@overwrite
def beats(**options: Any) -> None:
    """Find the beats, bars and sections of a song, and print its tempo, metre and clarity.

    SONG is an audio file or a video with an audio track. TABLE has a row per beat: its time, bar, position in the bar,
    metre, tempo, whether a dance counts it, and its section. PICTURE is the spectrogram with all of these.
    """
    with ErrorBoundary():
        from dancegen import config

        settings = config.validate(load("dancegen.tools.beats.settings:BeatsConfig"), options)
        check(settings)
        for line in load("dancegen.tools.beats.run:run")(settings):
            click.echo(line)


@main.command(short_help="Write a static page of the videos of a library.")
@click.argument("renders", metavar="RENDERS", type=PLACE)
@click.option("-o", "--output", required=True, metavar="FOLDER", type=PLACE, help="Output folder of the pages.")
@click.option("--title", default="Dances", show_default=True, help="Title of the pages.")
@click.option("--workers", default=2, show_default=True, help="Videos at the same time of which previews are made.")
@overwrite
def gallery(**options: Any) -> None:
    """Write a static gallery of a library: paged, with search, moving previews, and the songs that failed.

    RENDERS is the table of renders, such as data/videos_renders. The pages need no server: they work from a folder and
    from S3. A second run makes only the previews of new videos.
    """
    with ErrorBoundary():
        from dancegen import config

        settings = config.validate(load("dancegen.tools.gallery.settings:GalleryConfig"), options)
        check(settings)
        for line in load("dancegen.tools.gallery.run:run")(settings):
            click.echo(line)


@main.command("import-weights", short_help="Convert the published weights to a checkpoint.")
@click.argument("weights", metavar="WEIGHTS", type=PLACE)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--output", required=True, metavar="CHECKPOINT", type=PLACE, help="Output file (.safetensors).")
@overwrite
def import_weights(settings: tuple[str, ...], **options: Any) -> None:
    """Convert published weights to a checkpoint with the same outputs.

    WEIGHTS is the state dict of the generator of Ren et al. (ACM MM 2020), for `dancegen dance --checkpoint`, of their
    ST-GCN, for the perceptual loss of `train-dance`, or of a pix2pixHD generator that was trained on a person, such as
    those of Everybody Dance Now; the kind is detected from its keys. No code in the file is executed. A pix2pixHD
    generator also requires person.KEY=VALUE for each fact that the file does not contain.
    """
    with ErrorBoundary():
        from dancegen import config

        kind = load("dancegen.tools.import_weights.settings:ImportWeightsConfig")
        chosen = config.validate(kind, {**config.merge(None, settings), **options})
        check(chosen)
        found = load("dancegen.tools.import_weights.run:run")(chosen)
        click.echo(f"Wrote the published {found} as a checkpoint: {chosen.output}")
        if chosen.person is not None:
            suffix = load("dancegen.tools.import_weights.settings:SHEET")
            click.echo(f"Check that its pictures show the person: {chosen.output}{suffix}")


@main.command("compare-estimators", short_help="Measure the agreement of two pose estimators.")
@click.argument("videos", metavar="VIDEOS", type=PLACE)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--estimators", nargs=2, default=("mediapipe", "openpose_json"), show_default=True, metavar="ONE OTHER")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FOLDER",
    type=PLACE,
    help="Output folder for the page, the table and the images.",
)
@overwrite
def compare_estimators(settings: tuple[str, ...], estimators: tuple[str, str], **options: Any) -> None:
    """Measure the agreement of two pose estimators on videos, and show the frames where they differ most.

    VIDEOS is a folder, a list (.txt), a table (.csv, .parquet) or one video. ONE is the reference for OTHER.
    """
    with ErrorBoundary():
        from dancegen import config

        kind = load("dancegen.tools.compare_estimators.settings:CompareEstimatorsConfig")
        given = {**options, "estimators": list(estimators)}
        chosen = config.validate(kind, {**config.merge(None, settings), **given})
        check(chosen)
        for line in load("dancegen.tools.compare_estimators.run:run")(chosen):
            click.echo(line)


HOURLY_HELP = "Participants without invitation codes, per hour and network address (such as a school's)."


@main.group(context_settings=HELP, short_help="Run a user study on two sets of dances.")
def study() -> None:
    """Run a blind user study that compares two sets of dances, following the paper (section 6.3.1)."""


@study.command("make", short_help="Cut pairs of clips from two sets of videos.")
@click.argument("a", metavar="A", type=PLACE)
@click.argument("b", metavar="B", type=PLACE)
@click.option("-o", "--output", required=True, metavar="STUDY", type=PLACE, help="Output folder of the study.")
@click.option(
    "--names",
    nargs=2,
    default=("A", "B"),
    show_default=True,
    metavar="A B",
    help="Names of the two sets in the results.",
)
@click.option("--pairs", default=20, show_default=True, help="Maximum number of pairs.")
@click.option("--seconds", default=5.0, show_default=True, help="Length of each clip.")
@click.option("--catch", default=2, show_default=True, help="Number of catch trials: pairs whose answer is known.")
@click.option("--seed", default=0, show_default=True, help="Random seed of pairs, start times, order and sides.")
def study_make(**options: Any) -> None:
    """Cut pairs of clips from two sets of videos: folders or lists. Videos with the same file name form a pair."""
    with ErrorBoundary():
        from dancegen import config

        settings = config.validate(load("dancegen.tools.study.settings:MakeStudyConfig"), options)
        check(settings)
        for line in load("dancegen.tools.study.make:run")(settings):
            click.echo(line)


@study.command("serve", short_help="Serve a study to participants' browsers.")
@click.argument("folder", metavar="STUDY", type=PLACE)
@click.option(
    "--host",
    type=PLACE,
    default="127.0.0.1",
    show_default=True,
    help="Address to bind to; 0.0.0.0 accepts connections from other machines.",
)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port.")
@click.option("--database", type=FILE, metavar="FILE", help="Answers (SQLite). Default: answers.db in STUDY.")
@click.option("--hourly", default=200, show_default=True, type=click.IntRange(1), help=HOURLY_HELP)
@click.option("--proxied", is_flag=True, help="Trust X-Forwarded-For and X-Forwarded-Host from a reverse proxy.")
def study_serve(**options: Any) -> None:
    """Serve a study to desktop and mobile browsers. On the internet, put an HTTPS reverse proxy in front of it.

    Anyone who can reach the server can participate, unless invitation codes exist (`dancegen study invite`).
    """
    with ErrorBoundary():
        load("dancegen.tools.study.serve:run")(**options)


@study.command("invite", short_help="Create invitation codes, one per participant.")
@click.argument("folder", metavar="STUDY", type=PLACE)
@click.argument("people", metavar="PEOPLE", type=click.IntRange(1, 100_000))
@click.option("--database", type=FILE, metavar="FILE", help="Answers (SQLite). Default: answers.db in STUDY.")
@click.option("--address", metavar="URL", type=PLACE, help="URL of the server: print links instead of codes.")
def study_invite(folder: str, people: int, database: Path | None, address: str | None) -> None:
    """Create invitation codes, one per line. Each admits one participant; once codes exist, a code is required."""
    with ErrorBoundary():
        prefix = f"{address.rstrip('/')}/?code=" if address else ""
        for code in load("dancegen.tools.study.serve:invite")(folder, people, database):
            click.echo(prefix + code)


@study.command("analyse", short_help="Compute preferences by group, with intervals.")
@click.argument("folder", metavar="STUDY", type=PLACE)
@click.option(
    "-o", "--output", required=True, metavar="FOLDER", type=PLACE, help="Output folder for the page and the tables."
)
@click.option("--database", multiple=True, metavar="FILE", type=PLACE, help="Answers (SQLite); repeatable.")
@click.option("--max-caught", default=0.25, show_default=True, help="Maximum share of wrong answers in catch trials.")
@overwrite
def study_analyse(folder: str, database: tuple[str, ...], **options: Any) -> None:
    """Compute preferences by question and group, with confidence intervals and a chart."""
    with ErrorBoundary():
        from dancegen import config

        kind = load("dancegen.tools.study.settings:AnalyseStudyConfig")
        settings = config.validate(kind, {"study": folder, "databases": database, **options})
        check(settings)
        for one in load("dancegen.tools.study.analyse:run")(settings):
            click.echo(f"{one.question}, {one.group}: {one.rate:.1%} [{one.low:.1%}, {one.high:.1%}] of {one.answers}")
        click.echo(f"Report: {settings.output}/index.html")


@main.command(short_help="Compare a table of videos with its files.")
@click.argument("table", metavar="TABLE", type=PLACE)
@click.option("--content", is_flag=True, help="Also read every file and compare its hash, where the table has it.")
@click.option("--sweep", is_flag=True, help="Delete unfinished files, and files of dancegen without a row.")
def audit(**options: Any) -> None:
    """Compare a table of videos with its files: is every file there and whole, and has every file its row?

    TABLE is the folder of a table of renders (OUTPUT_renders), or of the videos of a corpus (OUTPUT/tables/videos).
    Run it while no job writes the table. The exit code is 1 when there are differences.
    """
    with ErrorBoundary():
        from dancegen import config

        settings = config.validate(load("dancegen.tools.audit.settings:AuditConfig"), options)
        check(settings)
        found = load("dancegen.tools.audit.run:run")(settings)
        for line in found.lines():
            click.echo(line)
        sys.exit(0 if found.clean else 1)


@main.command(short_help="Check this machine and report how to fix problems.")
@click.option(
    "--storage", metavar="URI", type=PLACE, help="Also check that this folder or s3:// prefix is readable and writable."
)
@click.option("--tracking", metavar="URI", type=PLACE, help="Also check this MLflow server or database.")
@click.option(
    "--address",
    metavar="ADDRESS",
    type=PLACE,
    help="Also check this Ray cluster, such as http://head:8265.",
)
def doctor(storage: str | None, tracking: str | None, address: str | None) -> None:
    """Check this machine and report how to fix problems.

    The exit code is 1 when a requirement of dancegen is not met.
    """
    with ErrorBoundary():
        broken = False
        for finding in load("dancegen.tools.doctor:run")(storage, tracking, address):
            click.echo(str(finding))
            broken |= finding.broken
        sys.exit(1 if broken else 0)


@main.command(short_help="Print what happened to a row of a table.")
@click.argument("row", metavar="ROW", type=PLACE)
@click.option("--table", metavar="TABLE", type=PLACE, help="Folder of the table with the row's result or error.")
@click.option(
    "--logs",
    "folders",
    metavar="FOLDER",
    multiple=True,
    type=PLACE,
    help="Folder or file with JSON lines; repeatable. Default: the logs of Ray on this machine.",
)
def logs(**options: Any) -> None:
    """Print what happened to a row, such as a song: its attempts, their times, nodes and reasons.

    ROW is the URI of a row, or its end, such as the name of the file. Jobs write JSON lines when the environment
    variable DANCEGEN_LOG_FORMAT is json.
    """
    with ErrorBoundary():
        for line in load("dancegen.tools.row_history:history")(**options):
            click.echo(line)


@main.group(short_help="List, follow and stop the jobs of a Ray cluster.")
def jobs() -> None:
    """List, follow and stop the jobs of a Ray cluster, such as http://head:8265."""


@jobs.command("list", short_help="List the jobs, the newest first.")
@click.argument("address", metavar="ADDRESS", type=PLACE)
def jobs_list(address: str) -> None:
    """List the jobs, the newest first: id, status, step, start and duration."""
    with ErrorBoundary():
        for line in load("dancegen.engine.cluster.jobs:listed")(address):
            click.echo(line)


@jobs.command("follow", short_help="Print the log of a job until it ends.")
@click.argument("address", metavar="ADDRESS", type=PLACE)
@click.argument("job", metavar="JOB", type=PLACE)
def jobs_follow(address: str, job: str) -> None:
    """Print the log of a job until it ends. The exit code is the job's."""
    with ErrorBoundary():
        sys.exit(load("dancegen.engine.cluster.jobs:follow")(address, job))


@jobs.command("stop", short_help="Stop a job.")
@click.argument("address", metavar="ADDRESS", type=PLACE)
@click.argument("job", metavar="JOB", type=PLACE)
def jobs_stop(address: str, job: str) -> None:
    """Stop a job. Finished rows and epochs are kept; the same command resumes."""
    with ErrorBoundary():
        stopped = load("dancegen.engine.cluster.jobs:stop")(address, job)
        click.echo(f"Job {job} is being stopped." if stopped else f"Job {job} had ended before.")


for _step in STEPS.values():
    main.add_command(step_command(_step))
