"""The command line: `main`, and one module per command. Commands contain no logic."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress

import click

from cnnzoo import __version__
from cnnzoo.cli.group import LazyGroup
from cnnzoo.errors import CnnzooError, Mistake, OutputError, supports_color
from cnnzoo.models.backend import LEAN
from cnnzoo.terminal.streams import prepare_streams, unescaped

# Each is a module of this package with a command of its name, which is imported when it is used.
COMMANDS = (
    "list",
    "show",
    "new",
    "check",
    "data",
    "tune",
    "benchmark",
    "train",
    "sweep",
    "crossval",
    "runs",
    "evaluate",
    "compare",
    "reproduce",
    "predict",
    "explain",
    "report",
    "card",
    "publish",
    "export",
    "serve",
    "eject",
    "adopt",
    "schema",
)


@click.group(
    cls=LazyGroup,
    package=__name__,
    names=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: cnnzoo train lenet",
)
@click.version_option(__version__, prog_name="cnnzoo", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train, measure, explain and share convolutional networks described in YAML."""


def main() -> None:
    """Run the command line; turn errors into text and an exit code.

    0 means success, 1 a failed run, 2 a user's mistake, 130 an interruption, 143 SIGTERM.
    """
    debug = "--debug" in sys.argv
    prepare_streams()
    _never_raise_warnings()
    LEAN.set(True)
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"see {context.command_path} --help" if context else None
        _print_error(Mistake(error.format_message(), hint=hint))
        code = error.exit_code
    except CnnzooError as error:
        if debug:
            raise
        if isinstance(error, OutputError):
            _discard_output()
        _print_error(error)
        code = error.exit_code
    except click.Abort as abort:  # click's form of a KeyboardInterrupt
        cause = abort.__cause__
        known = cause if isinstance(cause, CnnzooError) else None
        _print_error(known or Mistake("interrupted"))
        code = known.exit_code if known else 130
    except BrokenPipeError:
        # The reader has closed the pipe; the rest of the output must not fail again at exit.
        _discard_output()
        code = 0
    except Exception as error:
        if debug:
            raise
        hint = "this is a bug in cnnzoo; --debug shows the traceback"
        _print_error(Mistake(f"{type(error).__name__}: {error}", hint=hint))
        code = 1
    if devices := sys.modules.get("cnnzoo.training.devices"):
        devices.exit_if_connected(code)
    sys.exit(code)


def _never_raise_warnings() -> None:
    """Show warnings instead of raising them, as PYTHONWARNINGS=error would: libraries emit some."""
    if any(option.startswith("error") for option in sys.warnoptions):
        warnings.simplefilter("default")
        os.environ["PYTHONWARNINGS"] = "default"  # for child processes


def _print_error(error: CnnzooError | Mistake) -> None:
    with suppress(OSError, OutputError):  # standard error may be closed or full, too
        stream = unescaped(sys.stderr)
        stream.write(error.text(color=supports_color(sys.stderr)) + "\n")
        stream.flush()


def _discard_output() -> None:
    """Write the rest of the output nowhere, so that it does not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
