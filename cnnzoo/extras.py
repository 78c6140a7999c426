"""Packages that only some commands and settings need: the extras of cnnzoo."""

from __future__ import annotations

import importlib
from types import ModuleType

from cnnzoo.errors import UserError


def require(module: str, extra: str, setting: str | None = None) -> ModuleType:
    """The module, imported; `extra` is the extra of cnnzoo that installs its package.

    `setting` is what asks for it, such as `training.mlflow`. Raises UserError, with the command
    that installs it, where it is not there.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and what it needs is not
        way_out = f"pip install 'cnnzoo[{extra}]'"
        raise UserError(
            f"{setting or 'this'} needs {package}, which is not installed",
            hint=f"{way_out}, or leave it with {setting}=false" if setting else way_out,
        ) from error
