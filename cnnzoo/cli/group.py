"""Groups of commands: in the order of use, and with a command that is run by default."""

from __future__ import annotations

import click


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
