"""A table of image files: each row has the path of one."""

from __future__ import annotations

import errno
import os
import posixpath
import re
import stat
from array import array
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.file_identity import file_state, files_identity
from cnnzoo.datasets.image_files import OUTSIDE, ImageFiles, is_inside
from cnnzoo.datasets.images.decode import FORMATS
from cnnzoo.datasets.items import Items, make_items
from cnnzoo.datasets.table_rows import Layout, TableError
from cnnzoo.datasets.usable_rows import cells, explained, nothing_usable, usable_rows
from cnnzoo.datasets.value_codes import plain_names

_MOST_FOLDERS = 100  # searched for a file that does not exist at the path in the table


class PathTable(ImageFiles):
    """A table of image files, by their paths below its folder or `data.image_dir`.

    An item is named by its path. `identity` changes with the table and with each of the files.
    """

    def __init__(self, path: Path, layout: Layout, data: DataConfig) -> None:
        super().__init__(data)
        self.path, self.layout = path, layout
        self.root = Path(data.image_dir) if data.image_dir else path.parent
        files = _Files(self.root, bool(data.follow_links))
        suffix = data.image_suffix or ""
        names, labels, parts, states = [], [], [], array("q")
        unusable: dict[str, str] = {}
        for line, label, part, image in usable_rows(path, layout, unusable):
            name = inner_path(image[0], line, self.root) + suffix
            try:
                file = files.state(name)
            except FileNotFoundError:
                unusable[name] = "does not exist"
            except (OSError, ValueError) as error:
                unusable[name] = getattr(error, "strerror", None) or "is not a file name"
            else:
                names.append(name)
                labels.append(label)
                parts.append(part)
                states.extend(file_state(file))
        if not names:
            nothing = nothing_usable(unusable)
            nothing.hint = _where(self.root, next(iter(unusable)))
            raise nothing
        plain = plain_names(set(labels))
        self._items = make_items(names, [plain[label] for label in labels], parts, unusable)
        paths = [str(path), *(f"{self.root}/{name}" for name in names)]
        self.files, self.states = names, states
        all_states = array("q", file_state(path.stat())) + states
        self.identity = files_identity(paths, all_states, str, "paths", unusable)

    def items(self) -> Items:
        """Return every row with an existing file."""
        return self._items

    def columns(self) -> Sequence[str]:
        """Return the names of the columns."""
        return self.layout.columns

    def column(self, name: str) -> dict[str, str]:
        """Return the value of each path in a column.

        Raises DataError for a path with two values, or for a table that changed.
        """
        suffix = self.data.image_suffix or ""
        values: dict[str, str] = {}
        with explained(self.data):
            for line, value, image in cells(self.path, self.layout, name):
                path = inner_path(image, line, self.root) + suffix
                if values.setdefault(path, value) != value:
                    raise TableError(
                        f"has two values of {name} for {path}: {values[path]!r}, and {value!r} in "
                        f"row {line}",
                        "csv",
                        "correct one of them, or remove its row",
                    )
        return values


class _Files:
    """Look up files below a folder; a million of them in seconds."""

    def __init__(self, root: Path, follow_links: bool) -> None:
        self.root = root
        self.real = None if follow_links else os.path.realpath(root)
        self.inside: dict[str, bool] = {}  # folder below the root → whether no link leads out

    def state(self, name: str) -> os.stat_result:
        """Return the state of a regular file; raise OSError for others, and for links outside."""
        path = f"{self.root}/{name}"
        state = os.lstat(path)
        is_link = stat.S_ISLNK(state.st_mode)
        if self.real:
            folder = posixpath.dirname(name)
            if folder not in self.inside:
                self.inside[folder] = is_inside(f"{self.root}/{folder}", self.real)
            if not self.inside[folder] or (is_link and not is_inside(path, self.real)):
                raise OSError(errno.EPERM, OUTSIDE)
        if is_link:
            state = os.stat(path)  # noqa: PTH116 - as lstat above
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "is not a file")
        return state


def _where(root: Path, name: str) -> str | None:
    """Return a hint for a missing path: the suffix or folder with which a file exists."""
    folders = (path for path in (*root.glob("*/"), root.parent, Path.cwd()))
    for folder in (root, *islice(folders, _MOST_FOLDERS)):
        for suffix in ("", *FORMATS):
            if (folder / f"{name}{suffix}").is_file():
                keys = [f"data.image_dir={folder}"] if folder != root else []
                keys += [f"data.image_suffix={suffix}"] if suffix else []
                return f"{folder / name}{suffix} exists: set {' and '.join(keys)}"
    return "the paths of a table are relative to its folder; data.image_dir names another"


def inner_path(text: str, line: int, root: Path) -> str:
    """Return a path relative to `root`, the folder of the images, with forward slashes.

    Raises TableError for one that leads out of that folder.
    """
    path = posixpath.normpath(text.strip().replace("\\", "/"))
    if path.startswith("/"):
        base = root.absolute()
        path = posixpath.relpath(path, base if Path(path).is_relative_to(base) else root.resolve())
    if path.split("/")[0] == ".." or re.match("[A-Za-z]:", path):
        raise TableError(
            f"names a file outside its folder in row {line}: {text.strip()!r}",
            hint="the paths of a table are relative to its folder; set data.image_dir to the "
            "folder of the images",
        )
    return path
