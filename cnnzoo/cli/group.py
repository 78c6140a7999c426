"""Groups of commands: imported when used, in the order of use, with a default command."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands are modules of a package, so that one command does not load others."""

    def __init__(self, *, package: str, names: Sequence[str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.package = package
        self.names = names

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the commands, in the given order."""
        return list(self.names)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import the module of a command; return None for an unknown name."""
        if name not in self.names:
            return None
        command: click.Command = getattr(import_module(f"{self.package}.{name}"), name)
        return command


class OrderedGroup(click.Group):
    """A group that lists its commands in the order in which they were added."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.commands)


class DefaultGroup(OrderedGroup):
    """A group whose first command is run if the first argument does not name a command."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Insert the name of the default command where an argument or option of it begins."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = [self.list_commands(context)[0], *args]
        return super().parse_args(context, args)
