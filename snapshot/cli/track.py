from __future__ import annotations

from pathlib import Path

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.report.text import shown


@click.group("track", short_help=COMMANDS["track"], no_args_is_help=True)
def command() -> None:
    """Tell a tracker of runs: parameters, metrics with their curves, and what identifies code, data and platform.

    \b
    Example:
      snap track mlflow
      snap track wandb latest~1 latest
    """


@command.command("mlflow", short_help="Log runs to an MLflow server.")
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=completing.runs)
@click.option("--uri", metavar="URI", help="The tracking server, in place of what `MLFLOW_TRACKING_URI` says.")
@click.option("--experiment", metavar="NAME", help="The experiment, made if it is not there; by default the project.")
@click.option("--outputs", is_flag=True, help="Upload the files that the runs wrote, too.")
def mlflow(runs: tuple[str, ...], uri: str | None, experiment: str | None, outputs: bool) -> None:
    """Log each RUN, by default the latest, to MLflow, and print where it is: one run there for each here, however often
    it is told.

    \b
    Example:
      snap track mlflow --uri http://127.0.0.1:5000
      snap track mlflow baseline latest --experiment digits --outputs
    """
    from snapshot.integrations.mlflow import track

    for run_id, root in _wanted(runs):
        with terminal.step(f"telling MLflow of run {run_id}"):
            done = track(run_id, folder=root, uri=uri, experiment=experiment, outputs=outputs)
        _tell(done.said)
        terminal.note(f"run {run_id} is{'' if done.is_new else ' still'} in the experiment `{shown(done.experiment)}`")
        click.echo(done.url or done.id)


@command.command("wandb", short_help="Write runs for Weights & Biases.")
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=completing.runs)
@click.option("--project", metavar="NAME", help="W&B's project, in place of what `WANDB_PROJECT` says.")
@click.option("--directory", metavar="FOLDER", help="Write below it, in place of what `WANDB_DIR` says.")
@click.option("--outputs", is_flag=True, help="With the files that the runs wrote.")
def wandb(runs: tuple[str, ...], project: str | None, directory: str | None, outputs: bool) -> None:
    """Write each RUN, by default the latest, as Weights & Biases does offline, and print the folder. Nothing is sent:
    `wandb sync FOLDER` does that.

    \b
    Example:
      snap track wandb
      snap track wandb baseline latest --project digits --directory ~/runs
    """
    from snapshot.integrations.wandb import track

    for run_id, root in _wanted(runs):
        with terminal.step(f"writing run {run_id}"):
            done = track(run_id, folder=root, project=project, directory=directory, outputs=outputs)
        _tell(done.said)
        terminal.note(f"run {run_id} {'is' if done.is_new else 'was'} written; `wandb sync` puts it online")
        click.echo(done.folder)


def _wanted(runs: tuple[str, ...]) -> list[tuple[str, Path]]:
    """The IDs of what was asked for, all of them before anything is told, and the project."""
    place = Place.here()
    return [(place.store.find(wanted), place.root) for wanted in runs or ("latest",)]


def _tell(said: tuple[str, ...]) -> None:
    for line in said:
        terminal.warn(line)
