"""Packages that only some commands need."""

from __future__ import annotations

import importlib
from types import ModuleType

from cnnzoo.errors import UserError


def require(module: str, extra: str) -> ModuleType:
    """The module, imported; `extra` is the extra of cnnzoo that installs its package.

    Raises UserError, with the command that installs it, where it is not there.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and what it needs is not
        raise UserError(
            f"this needs {package}, which is not installed",
            hint=f"pip install 'cnnzoo[{extra}]'",
        ) from error
