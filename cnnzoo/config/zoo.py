"""Search of configurations: first as a path, then in the zoo that is installed with cnnzoo."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path

from cnnzoo.errors import ConfigError
from cnnzoo.text import natural_order

SPEED = "speed.json"
_PACKAGE = Path(__file__).resolve().parents[1]


def directory() -> Path:
    """Return the folder of the zoo: in the installed package, or `configs/` of a checkout."""
    installed = _PACKAGE / "configs"
    return installed if installed.is_dir() else _PACKAGE.parent / "configs"


def trained_directory() -> Path:
    """Return the folder of the trained networks."""
    return directory() / "trained"


def trained(name: str) -> Path | None:
    """Return the run directory of a trained network, or None if there is none of this name."""
    if name not in names():
        return None
    path = trained_directory() / name
    return path if path.is_dir() else None


def trained_names() -> list[str]:
    """Return the names of the trained networks, in the order of the zoo."""
    folder = trained_directory()
    found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [name for name in names() if name in found]


def names() -> list[str]:
    """Return the sorted names of the configurations in the zoo, resnet18 before resnet101."""
    return sorted((path.stem for path in directory().glob("*.yaml")), key=natural_order)


@dataclass(frozen=True, slots=True)
class Speeds:
    """How fast networks of the zoo train: images per CPU second by name, and the CPU in words."""

    machine: str
    images_per_cpu_second: dict[str, float]


def speeds() -> Speeds:
    """Return the speeds that `scripts/measure-speed` measured, of the networks that it knows."""
    return Speeds(**json.loads((directory() / SPEED).read_text(encoding="utf-8")))


def find(source: str | Path, directory: Path | None = None) -> Path:
    """Return the file of a source: a path (below `directory`), else a zoo name, `.yaml` or not."""
    path = (directory or Path()) / source
    try:
        if path.is_file():
            return path
    except OSError as error:  # a name too long, a folder that may not be searched
        problem = f"{str(source)[:60]!r} cannot be read: {error.strerror}"
        raise ConfigError(problem) from None
    in_zoo = _in_zoo(str(source))
    if in_zoo:
        return in_zoo
    if path.is_dir():
        raise ConfigError(f"{source} is a directory, not a configuration", hint=_name_one())
    near = _nearest(str(source), path.parent)
    raise ConfigError(
        f"there is no configuration {str(source)!r}: no such file, and the zoo has no such name",
        hint=f"did you mean {' or '.join(near)}?" if near else _name_one(),
    )


def _in_zoo(name: str) -> Path | None:
    stem = name.removesuffix(".yaml").removesuffix(".yml")
    return directory() / f"{stem}.yaml" if stem in names() else None


def _nearest(source: str, folder: Path) -> list[str]:
    files = sorted(str(path) for path in folder.glob("*.yaml")) if folder.is_dir() else []
    stem = source.removesuffix(".yaml").removesuffix(".yml")
    return difflib.get_close_matches(stem, names(), n=3) + difflib.get_close_matches(
        source, files, n=2
    )


def _name_one() -> str:
    return f"the zoo has {', '.join(names())}"
