"""Remove absolute paths: a page or a card is published, and they tell about a person's machine."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from cnnzoo.runs.run import Run
from cnnzoo.runs.trained import is_trained, title

# The directories of an absolute path inside a text; not the slash of `1/255`, a URL or `</b>`.
_DIRECTORIES = re.compile(
    r"(?<![\w.$~/\\:<>-])(?:~(?=/)|[A-Za-z]:(?=[/\\]))?[/\\](?:[^\s/\\'\"]+[/\\])*(?=[^\s/\\])"
)


def run_label(run: Run | Path) -> str:
    """Return the last parts of the path of a run or exported model: `runs/lenet/1`."""
    if is_trained(run):
        return title(run)
    path = run.path if isinstance(run, Run) else run
    return "/".join(path.resolve().parts[-3:])


def without_directories(text: str) -> str:
    """Return a text with each absolute path in it shortened to its name."""
    return _DIRECTORIES.sub("", text)


def shortened(plain: Any) -> Any:
    """Return nested plain values with each string that is an absolute path cut to its name."""
    if isinstance(plain, Mapping):
        return {key: shortened(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [shortened(value) for value in plain]
    return _name(plain) if isinstance(plain, str) else plain


def shortened_command(command: str) -> str:
    """Return a command line with each argument that is an absolute path cut to its name."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quote is open: the record was edited
        return without_directories(command)
    return shlex.join(map(_argument, words))


def _argument(word: str) -> str:
    key, equals, value = word.partition("=")
    return f"{key}={_name(value)}" if equals else _name(word)


def _name(text: str) -> str:
    if Path(text).is_absolute() or text.startswith("~/"):
        return Path(text).name
    return PureWindowsPath(text).name if re.match(r"[A-Za-z]:[\\/]", text) else text
