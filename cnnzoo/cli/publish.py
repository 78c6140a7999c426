"""`cnnzoo publish`."""

from __future__ import annotations

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import device_option, note, runs_dir_option


@click.command()
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.argument("name", metavar="hf://USER/REPO")
@click.option("--private", is_flag=True, help="Create a private repository.")
@runs_dir_option
@device_option
def publish(run: str, name: str, private: bool, runs_dir: str, device: str) -> None:
    """Publish a run on the Hugging Face Hub.

    RUN is a run directory or the name of a run. Its model, configuration, metrics and model card
    are uploaded, without the directories of this machine. Read the card first: cnnzoo card RUN.
    It needs a token of the Hub in HF_TOKEN. Then hf://USER/REPO names the model in predict,
    evaluate, explain, export and init_from.

    \b
    Examples:
      cnnzoo publish runs/lenet/1 hf://me/digits
      cnnzoo predict hf://me/digits digit.png
    """
    from cnnzoo.reporting.publish import publish as publish_run
    from cnnzoo.runs.choose import choose_run
    from cnnzoo.terminal.console import console
    from cnnzoo.terminal.display import display_for

    chosen = choose_run(run, runs_dir, note)
    address = publish_run(
        chosen, name, private=private, device=device, display=display_for(console())
    )
    click.echo(f"published at {address}")
