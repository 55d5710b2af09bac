from __future__ import annotations

import click

from snapshot.cli.app import COMMANDS
from snapshot.cli.shells import PROGRAMS, SCRIPTS, script


@click.command("completion", short_help=COMMANDS["completion"])
@click.argument("shell", type=click.Choice(list(SCRIPTS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print what lets SHELL complete commands, options, runs, their outputs, packages and files at a Tab.

    \b
    Example:
      snap completion bash > ~/.local/share/bash-completion/completions/snap
      snap completion zsh > ~/.zfunc/_snap
      snap completion fish > ~/.config/fish/completions/snap.fish
    """
    program = ctx.find_root().info_name
    click.echo(script(shell, program if program in PROGRAMS else PROGRAMS[0]), nl=False)
