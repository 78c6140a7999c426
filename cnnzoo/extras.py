"""Optional packages, which only some commands and settings need: the extras of cnnzoo."""

from __future__ import annotations

import importlib
from types import ModuleType

from cnnzoo.errors import UserError


def require(module: str, extra: str, setting: str | None = None) -> ModuleType:
    """Import and return a module of an optional package.

    `extra` is the extra of cnnzoo that installs the package, `setting` the configuration key that
    needs it, such as `training.mlflow`. Raises UserError with the install command if the package is
    missing.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is installed, but one of its dependencies is not
        install = f"pip install 'cnnzoo[{extra}]'"
        raise UserError(
            f"{setting or 'this'} needs {package}, which is not installed",
            hint=f"{install}, or turn it off with {setting}=false" if setting else install,
        ) from error
