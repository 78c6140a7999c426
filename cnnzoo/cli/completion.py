"""What the shell offers for an argument; nothing here loads a framework or fails."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from cnnzoo.studies.study_directory import StudyDirectory

SUFFIXES = (".yaml", ".yml")
MAX_FILES = 200
COMPLETE_VARIABLE = "_CNNZOO_COMPLETE"  # set by the completion scripts of click


def complete_config(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names of the zoo, and the YAML files in the directory that is being typed or below it."""
    from cnnzoo.config import zoo

    names = [CompletionItem(name, help="zoo") for name in zoo.names()]
    names = [item for item in names if item.value.startswith(incomplete)]
    return [*names, *_items(_files(incomplete, SUFFIXES), incomplete)]


def complete_run(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The run directories below `--runs-dir`."""
    from cnnzoo.runs.run import find_runs

    default = os.environ.get("CNNZOO_RUNS_DIR") or "runs"
    try:
        runs = find_runs(context.params.get("runs_dir") or Path(default).expanduser())
    except (OSError, RuntimeError):  # no home directory
        return []
    return _items(map(str, runs), incomplete)


def complete_config_or_run(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the runs with `--resume`, otherwise the configurations."""
    complete = complete_run if context.params.get("resume") else complete_config
    return complete(context, parameter, incomplete)


def complete_sweep(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names of the sweeps below `--sweeps-dir`."""
    return _items((study.name for study in _studies(context, "sweeps")), incomplete)


def complete_config_or_sweep(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the sweeps with `--resume` or `--best`, otherwise the configurations."""
    existing = context.params.get("resume") or context.params.get("best")
    complete = complete_sweep if existing else complete_config
    return complete(context, parameter, incomplete)


def complete_config_or_crossval(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the cross-validations with `--resume`, otherwise the configurations."""
    if context.params.get("resume"):
        return _items((study.name for study in _studies(context, "crossval")), incomplete)
    return complete_config(context, parameter, incomplete)


def complete_run_or_study(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the run directories, and the directories of sweeps and cross-validations."""
    studies = [study for kind in ("sweeps", "crossval") for study in _studies(context, kind)]
    runs = complete_run(context, parameter, incomplete)
    return [*runs, *_items(map(str, studies), incomplete)]


def _studies(context: click.Context, kind: str) -> Sequence[StudyDirectory]:
    """Return the studies below the directory of their kind, `sweeps` or `crossval`."""
    from cnnzoo.studies.crossval_directory import CrossvalDirectory
    from cnnzoo.studies.sweep_directory import SweepDirectory

    directories = {"sweeps": SweepDirectory, "crossval": CrossvalDirectory}
    default = os.environ.get(f"CNNZOO_{kind.upper()}_DIR") or kind
    try:
        root = context.params.get(f"{kind}_dir") or Path(default).expanduser()
        return directories[kind].all_in(root)
    except (OSError, RuntimeError):  # no home directory
        return ()


def complete_run_or_model(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the runs and `.keras` files in the typed directory or below it; after one, files."""
    if context.params.get("words"):
        return [CompletionItem(incomplete, type="file")]
    runs = complete_run(context, parameter, incomplete)
    return [*runs, *_items(_files(incomplete, (".keras", ".onnx", ".tflite", ".xml")), incomplete)]


def _items(paths: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """The paths that start with a word, as the shell must insert them.

    A name such as `$(rm x)` would run as a command. Bash inserts a value unchanged, so it is quoted
    here; zsh and fish quote values themselves. Names with line breaks and other control characters
    are left out: the protocol between click and the shell has one value per line.
    """
    found = [path for path in paths if path.startswith(incomplete) and path.isprintable()]
    if os.environ.get(COMPLETE_VARIABLE, "").startswith("bash"):
        found = [shlex.quote(path) for path in found]
    return [CompletionItem(path) for path in found]


def _files(incomplete: str, suffixes: tuple[str, ...]) -> list[str]:
    """Files with these suffixes in the directory that a word ends in, and one level below it."""
    typed = incomplete.rpartition("/")[0]
    lead = f"{typed}/" if "/" in incomplete else ""
    folder = Path(lead or ".").expanduser()
    found = []
    for path in _listed(folder):
        name = path.relative_to(folder).as_posix()
        if path.suffix in suffixes:
            found.append(f"{lead}{name}")
        elif not path.name.startswith(".") and path.is_dir():
            inner = (below for below in _listed(path) if below.suffix in suffixes)
            found += [f"{lead}{name}/{below.name}" for below in inner]
        if len(found) >= MAX_FILES:
            break
    return found


def _listed(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError:
        return
