"""A group of commands that is listed in the order of the work, not of the alphabet."""

from __future__ import annotations

import click


class OrderedGroup(click.Group):
    """Lists its commands in the order in which they were added."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The names of the commands."""
        return list(self.commands)
