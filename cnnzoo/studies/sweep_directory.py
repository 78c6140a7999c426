"""The directory of a sweep, `sweeps/NAME`: its configuration, its trials and their runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from cnnzoo.config.loader import make_config
from cnnzoo.config.located import Map
from cnnzoo.config.sweep import Choice, Domain, SweepConfig
from cnnzoo.config.trial import trial_config
from cnnzoo.config.writer import to_yaml
from cnnzoo.errors import Place, RunError
from cnnzoo.runs.files import write_text
from cnnzoo.runs.run import Run
from cnnzoo.studies.study_directory import StudyDirectory

JOURNAL = "study.log"
LOCK = ".lock"
WORKERS = ".workers"
_EXTENSIBLE = ("trials", "time")  # keys of the section that may change when a sweep is resumed
_TEXTS = ("description", "purpose", "reference")


class SweepDirectory(StudyDirectory):
    """A sweep: a directory and the files in it."""

    __slots__ = ()

    KIND: ClassVar[str] = "sweep"
    KINDS: ClassVar[str] = "sweeps"
    CONFIG: ClassVar[str] = "sweep.yaml"
    RESULTS: ClassVar[str] = "trials.json"
    START: ClassVar[str] = "cnnzoo sweep FILE, a configuration with a sweep section"

    def sweep(self) -> SweepConfig:
        """Read the `sweep` section; raises RunError if the file has none."""
        sweep = self.config().sweep
        if sweep is None:
            raise RunError(f"{self.config_path} has no sweep section", hint="restore the file")
        return sweep

    def runs(self, number: int, seeds: int) -> list[Run]:
        """Return the runs of a trial, one for each seed, whether they exist or not.

        Trials are numbered from 1, and so are the runs: with one seed, both numbers are equal.
        """
        first = (number - 1) * seeds + 1
        return [Run(self.path / str(first + index)) for index in range(seeds)]


def create_directory(path: Path, raw: Map) -> SweepDirectory:
    """Create the directory of a sweep with its configuration, or return an existing one.

    Raises RunError if it cannot be written, or if it has runs but is not a sweep.
    """
    directory = SweepDirectory(path)
    if directory.config_path.exists():
        return directory
    directory.refuse_other_runs()
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_text(directory.config_path, to_yaml(plain_config(raw)))
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {error.strerror}",
            hint="name another directory with --sweeps-dir or CNNZOO_SWEEPS_DIR",
        ) from error
    return directory


def plain_config(raw: Map) -> dict[str, Any]:
    """Return the configuration with absolute paths, also in the values of its choices."""
    config = make_config(raw)
    assert config.sweep is not None
    plain = config.plain()
    for key, domain in config.sweep.parameters.items():
        if isinstance(domain, Choice):
            plain["sweep"]["parameters"][key] = [
                _with_absolute_paths(value, _plain_at(raw, key, domain, value, place))
                for value, place in domain.probes()
            ]
    return plain


def shared_settings(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all processes of a sweep have in common, of a plain configuration."""
    kept = {key: value for key, value in plain.items() if key not in _TEXTS}
    section = plain["sweep"]
    kept["sweep"] = {key: section[key] for key in section if key not in _EXTENSIBLE}
    return kept


def _plain_at(raw: Map, key: str, domain: Domain, value: Any, place: Place | None) -> Any:
    """Return the value at a dotted key in the configuration of a trial, or None."""
    plain: Any = trial_config(raw, {key: domain}, {key: value}, {key: place}).plain()
    for step in key.split("."):
        if isinstance(plain, Mapping):
            plain = plain.get(step)
        elif isinstance(plain, list) and step.lstrip("-").isdecimal() and int(step) < len(plain):
            plain = plain[int(step)]
        else:
            return None
    return plain


def _with_absolute_paths(value: Any, plain: Any) -> Any:
    """Return a value with each relative path in it replaced by the absolute one of `plain`."""
    if isinstance(value, str) and isinstance(plain, str):
        return plain if Path(plain).is_absolute() else value
    if isinstance(value, str) and isinstance(plain, Mapping):
        folder = plain.get("folder")  # `data: photos`
        return {"folder": folder} if folder and Path(folder).name == Path(value).name else value
    if isinstance(value, Mapping) and isinstance(plain, Mapping):
        return {key: _with_absolute_paths(item, plain.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(plain, list) and len(value) == len(plain):
        return [_with_absolute_paths(item, each) for item, each in zip(value, plain, strict=True)]
    return value
