"""The directory of a study, such as `sweeps/NAME`: its configuration, its results and its runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from cnnzoo.config.loader import load_raw, make_config
from cnnzoo.config.located import Map
from cnnzoo.config.schema import Config
from cnnzoo.errors import RunError, did_you_mean

REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class StudyDirectory:
    """A study: a directory and the files in it; each kind of study is a subclass."""

    path: Path

    KIND: ClassVar[str]  # the word for one study
    KINDS: ClassVar[str]  # the word for several
    CONFIG: ClassVar[str]  # the file by which the directory is known
    RESULTS: ClassVar[str]  # the file that is written after each training
    START: ClassVar[str]  # the command that starts one

    @property
    def name(self) -> str:
        """The name of the study, which is that of its runs."""
        return self.path.resolve().name

    @property
    def config_path(self) -> Path:
        """The configuration with all paths absolute."""
        return self.path / self.CONFIG

    @property
    def results_path(self) -> Path:
        """The results of all trainings, written after each of them."""
        return self.path / self.RESULTS

    def raw(self) -> Map:
        """Read the values of the configuration."""
        return load_raw(self.config_path)

    def config(self) -> Config:
        """Read the configuration."""
        return make_config(self.raw())

    def refuse_other_runs(self) -> None:
        """Raise RunError if the directory has runs, before a study is started in it.

        The study would take the results of these runs for its own.
        """
        hint = f"give the {self.KIND} another name: --name NAME"
        try:
            paths = sorted(self.path.iterdir()) if self.path.is_dir() else []
        except OSError as error:
            raise RunError(f"{self} cannot be read: {error.strerror}", hint=hint) from error
        if runs := [path for path in paths if path.name.isdecimal() and path.is_dir()]:
            raise RunError(
                f"{self} has runs, such as {runs[0]}, but is not a {self.KIND}", hint=hint
            )

    @classmethod
    def at(cls, path: Path | str) -> Self | None:
        """Return the study in a directory, or None if there is none of this kind."""
        return cls(Path(path)) if (Path(path) / cls.CONFIG).is_file() else None

    @classmethod
    def all_in(cls, root: Path | str) -> list[Self]:
        """Return the studies in a directory, the one that was used last at the end."""
        folder = Path(root)
        found = map(cls.at, folder.iterdir() if folder.is_dir() else ())
        return sorted(filter(None, found), key=_last_use)

    @classmethod
    def choose(cls, word: str | None, root: Path | str) -> Self:
        """Return the study of a path, or of a name below `root`, or the one that was used last.

        Raises RunError if there is no such study.
        """
        found = cls.all_in(root)
        if word is None and found:
            return found[-1]
        chosen = cls.at(word) or cls.at(Path(root) / word) if word else None
        if chosen is None:
            names = [study.name for study in found]
            what = (
                f"the {cls.KIND} {word!r} does not exist" if word else f"no {cls.KINDS} in {root}"
            )
            raise RunError(what + did_you_mean(word or "", names), hint=f"start one: {cls.START}")
        return chosen

    def __str__(self) -> str:
        return str(self.path)


def _last_use(study: StudyDirectory) -> float:
    paths = [study.results_path, study.config_path]
    return max(path.stat().st_mtime for path in paths if path.exists())
