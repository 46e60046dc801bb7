"""The command of a step: its help, its settings, and its execution here or on a Ray cluster."""

import importlib.metadata
import logging
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from dancegen import __version__
from dancegen.console import HELP, PLACE, ErrorBoundary, open_closed_streams
from dancegen.errors import ConfigError
from dancegen.steps import STEPS
from dancegen.steps.step import Step

REPLACE = "Give --overwrite to replace it, or name another output."
REPLACE_STEP = "Give overwrite=true to replace it, or name another output."
MOVE = "Move it away, or name another output."
ALL_SETTINGS = "All settings are in docs/settings.md; --show prints the settings that a run would use."


class StepCommand(click.Command):
    """A command whose help lists the settings of its step. Their class is imported only for that help."""

    step: Step

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the required settings, the most used ones, and an example."""
        from dancegen import fields

        kind = load(self.step.settings)
        known = dict(fields.walk(kind))
        required = [name for name, field in kind.model_fields.items() if field.is_required()]
        for title, names in (("Required settings", required), ("Most used settings", self.step.often.split())):
            lines = [(_written(name, known[name]), fields.meaning(known[name])) for name in names]
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)
        with formatter.section("Example"):
            formatter.write(f"  {ctx.command_path} {self.step.example}\n")  # one line, at any terminal width
        formatter.write_paragraph()
        formatter.write_text(ALL_SETTINGS)


@dataclass(frozen=True)
class Submission:
    """Options for running a step on a cluster."""

    submit: str | None
    env: tuple[str, ...]
    allow_secrets: bool

    def check(self) -> None:
        """Raise ConfigError for an option that requires --submit."""
        given = {"--env": self.env, "--allow-secrets": self.allow_secrets}
        option = next((name for name, value in given.items() if value), None)
        if self.submit is None and option is not None:
            remedy = "Omit it: without --submit, the step runs in this process, which has the variables."
            raise ConfigError(option, "requires --submit.", remedy)


def step_command(step: Step) -> click.Command:
    """The command of one step."""

    @click.command(step.command, cls=StepCommand, context_settings=HELP, help=step.help)
    @click.argument("settings", nargs=-1, metavar="[CONFIG] [KEY=VALUE]...")
    @click.option("--show", is_flag=True, help="Print the settings that would be used, and exit.")
    @click.option(
        "--submit",
        metavar="ADDRESS",
        type=PLACE,
        help="Run on a Ray cluster, such as http://head:8265, and follow the job.",
    )
    @click.option(
        "--env",
        multiple=True,
        metavar="NAME",
        help="With --submit: pass this environment variable to the job. Anyone with access to the cluster can read its "
        "value: Ray's job list and logs show it in plain text, like settings from ${oc.env:NAME} in the job's files.",
    )
    @click.option(
        "--allow-secrets", is_flag=True, help="With --submit: also pass values that look like secrets, in plain text."
    )
    def command(settings: tuple[str, ...], show: bool, **submission: Any) -> None:
        with ErrorBoundary():
            sys.exit(_run(step, settings, show, Submission(**submission)))

    assert isinstance(command, StepCommand)
    command.step = step
    return command


def load(target: str) -> Any:
    """Import `module:attribute`."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def job(name: str) -> None:
    """Entry point of `python -m jobs.STEP`: the step's command, without its name."""
    open_closed_streams()
    step_command(STEPS[name]).main(prog_name=f"python -m jobs.{name}")


def _run(step: Step, words: tuple[str, ...], show: bool, to: Submission) -> int:
    from dancegen import config, logs, tracking
    from dancegen.engine.cluster.internals import JOB_CONFIG, submission
    from dancegen.steps import checkpoints

    logs.begin(step.command, submission())
    path, overrides = (words[0], words[1:]) if words and "=" not in words[0] else (None, words)
    kind = load(step.settings)
    settings = config.load(kind, path, overrides, _of_other_steps)
    if show:
        click.echo(config.to_yaml(settings), nl=False)
        return 0
    to.check()
    if to.submit is not None or JOB_CONFIG in os.environ:
        tracking.check_is_kept(settings)
    what = f"{step.command}: {step.doing.format(**dict(settings))}"
    if to.submit is not None:
        checkpoints.check(settings, here=False)
        click.echo(f"{what}, on {to.submit}", err=True)
        referred = None if to.allow_secrets else config.variables(path, overrides, kind)
        return load("dancegen.engine.cluster.submit:submit")(step.name, settings, to.submit, to.env, referred)
    if JOB_CONFIG in os.environ:
        _tell_other_version()
    check(settings, *filter(None, [path]), remedy=REPLACE_STEP if hasattr(settings, "overwrite") else MOVE)
    logs.notify(what)
    _run_here(step, settings)
    return 0


def check(settings: Any, *read: str, remedy: str = REPLACE) -> None:
    """Raise when an input is missing or unsuitable, or an output would replace an input or a file of another program.

    `read` are URIs that are read besides the inputs; `remedy` is the advice for a file that blocks an output.
    """
    from dancegen import config, outputs
    from dancegen.steps import checkpoints

    config.check_inputs(settings)
    checkpoints.check(settings)
    outputs.check(settings, read, remedy)
    outputs.check_writable(settings)


def _run_here(step: Step, settings: Any) -> None:
    from dancegen import config
    from dancegen.storage import lease

    folders = [uri for _, uri, mark in config.outputs(settings) if not mark.file and not mark.shared]
    with lease.held(folders, f"dancegen {step.command}"):
        load(step.run)(settings)


def _tell_other_version() -> None:
    """Say when the cluster's environment was made for another version of dancegen than the job's code."""
    from dancegen import logs

    try:
        installed = importlib.metadata.version("dancegen")
    except importlib.metadata.PackageNotFoundError:
        return  # its requirements alone
    if installed != __version__:
        text = f"the cluster has the requirements of dancegen {installed}, and this job is dancegen {__version__}."
        logs.notify(f"{text} Install the same version on the nodes if it fails.", logging.WARNING)


def _of_other_steps() -> dict[str, Any]:
    return {step.command: load(step.settings) for step in STEPS.values()}


def _written(name: str, field: Any) -> str:
    from dancegen import fields

    return f"{name}=..." if field.is_required() else f"{name}={fields.default_text(field)}"
