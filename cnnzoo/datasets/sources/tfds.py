"""A data set of tensorflow-datasets by name, prepared below its `data_dir`.

TensorFlow and tensorflow-datasets run in a separate process (`cnnzoo.datasets.tfds_process`), which
is needed only for data that are not in the cache: prepared data are identified by their files.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from filelock import FileLock

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.file_identity import file_state, files_identity
from cnnzoo.datasets.source import Source
from cnnzoo.errors import DataError
from cnnzoo.regular_files import read_regular

if TYPE_CHECKING:  # reading only the class names loads no NumPy
    import numpy as np
    from numpy.typing import NDArray

    from cnnzoo.datasets.images.fit import Fit
    from cnnzoo.datasets.images.workers import Progress
    from cnnzoo.datasets.items import Items

_NAME = re.compile(r"(?P<name>\w+)(/(?P<config>[\w+.-]+))?(:(?P<version>[\d*]+(\.[\d*]+){2}))?")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_MAX_METADATA = 2**20  # bytes
_PACKAGES = ("tensorflow", "tensorflow_datasets")


def open_source(data: DataConfig) -> Tfds:
    """Open the data set that `data.tfds` names, or `data.name` as its short form."""
    return Tfds(data)


class Tfds(Source):
    """A data set of tensorflow-datasets, prepared when its examples or its identity are needed.

    Without a version in its name, it is the newest prepared version, or else the current one.
    """

    def __init__(self, data: DataConfig) -> None:
        self.data = data
        self.key = data.source
        match = _NAME.fullmatch(data.title)
        if not match:
            raise DataError(
                f"data.tfds must be NAME, NAME/CONFIG or NAME:VERSION, not {data.title!r}",
                place=data.place(self.key),
                hint="for example mnist, cifar10_corrupted/fog_3 or mnist:3.0.1",
            )
        self.name = match["name"]
        self.config: str | None = match["config"]
        self.version: str | None = match["version"]
        default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
        self.data_dir = Path(data.data_dir or default).expanduser().absolute()

    @property
    def is_prepared(self) -> bool:
        """True if its identity is known without a download."""
        return self._prepared() is not None

    @cached_property
    def directory(self) -> Path:
        """Return its directory; prepare it first if needed. Raises DataError if that fails."""
        if found := self._prepared():
            return found
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with FileLock(self.data_dir / f".{self.name}.lock"):
                return self._prepared() or self._prepare()
        except OSError as error:
            raise DataError(
                f"{self.data_dir}, the directory for {self.data.title}, cannot be written: "
                f"{error.strerror}",
                place=self.data.place("data_dir"),
                hint="set data.data_dir to a directory that can be written",
            ) from error

    @cached_property
    def identity(self) -> str:  # type: ignore[override]  # it is set once, on first use
        """Return a digest of the names, sizes and times of the prepared files, and of the parts."""
        files = sorted(self.directory.iterdir())
        states = [value for path in files for value in file_state(path.stat())]
        return files_identity([*map(str, files)], states, str, "tfds", self._splits())

    def label_values(self) -> tuple[str, ...]:
        """Return its labels in order; it is prepared only if they are not known otherwise.

        Before it is prepared, these may be numbers instead of names: some builders read the names
        from the files that they download.
        """
        if self.data.labels and not self.is_prepared:  # they refer to the true ones
            return self.items().label_values
        prepared = self._prepared()
        values = self._ask("label_values", directory=str(prepared) if prepared else None)["values"]
        return self.items().label_values if values is None else tuple(values)

    def items(self) -> Items:
        """Return every example of the used splits, named by its number in its split."""
        import numpy as np

        from cnnzoo.datasets.items import Items

        answer = self._ask("examples", directory=str(self.directory), splits=self._splits())
        parts, values = answer["parts"], answer["values"]
        names: list[str] = []
        labels: list[int] = []
        part_codes: list[int] = []
        unusable = {}
        for code, part in enumerate(parts.values()):
            for split, start, found in part:
                for number, label in enumerate(found, start):
                    if values is not None and not 0 <= label < len(values):
                        unusable[f"{split}[{number}]"] = f"has no label: it is {label}"
                        continue
                    names.append(f"{split}[{number}]")
                    labels.append(label)
                    part_codes.append(code)
        codes = np.array(labels, np.int64)
        if values is None:
            numbers, codes = np.unique(codes, return_inverse=True)
            values = [str(number) for number in numbers]
        return Items(
            names,
            codes.astype(np.int32),
            tuple(values),
            np.array(part_codes, np.int32),
            tuple(parts),
            unusable,
        )

    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Decode the examples at these indices into the rows of `out`."""
        failed = self._ask(
            "read",
            on_progress,
            directory=str(self.directory),
            names=[items.names[index] for index in indices],
            output=str(out.filename),
            fit=asdict(fit),
        )["failed"]
        return {int(row): reason for row, reason in failed.items()}

    def _splits(self) -> dict[str, str | None]:
        """Return the parts to read for each split; None is the default, a fraction has none."""
        given = self.data.splits
        values = {"train": given.train, "validation": given.validation, "test": given.test}
        return {
            split: value
            for split, value in values.items()
            if value is None or isinstance(value, str)
        }

    def _prepare(self) -> Path:
        manual = self.data.manual_dir
        if manual and not Path(manual).is_dir():
            raise self._error(f"{manual} is not a directory", "manual_dir")
        # A separate directory: tensorflow-datasets reuses files of the same name from any data set.
        with tempfile.TemporaryDirectory(
            prefix=f".{self.name}-", dir=self.data_dir, ignore_cleanup_errors=True
        ) as extracted:
            return Path(self._ask("prepare", extracted=extracted)["directory"])

    def _prepared(self) -> Path | None:
        home = self.data_dir / self.name
        config = self.config or _default_config(home)
        found = [
            path.parent
            for path in (home / config if config else home).glob(
                f"{self.version or '*'}/dataset_info.json"
            )
            if _VERSION.fullmatch(path.parent.name)
        ]
        return max(found, key=lambda path: [*map(int, path.name.split("."))], default=None)

    def _ask(
        self, do: str, on_progress: Progress = lambda done, total: None, **job: Any
    ) -> dict[str, Any]:
        """Return the answer of the other process to a job; raises DataError for an error."""
        self._require_packages()
        job |= {
            "do": do,
            "name": self.name,
            "config": self.config,
            "version": self.version,
            "data_dir": str(self.data_dir),
            "manual_dir": self.data.manual_dir,
            "label": self.data.label,
            "image": self.data.image,
        }
        answer = self._process.answer(job, on_progress)
        if "message" in answer:
            raise self._error(**answer)
        return answer

    @cached_property
    def _process(self) -> _Process:
        return _Process()

    def _error(self, message: str, key: str | None = None, hint: str | None = None) -> DataError:
        """Return the error of a message, at the place of a key of `data` or of a split."""
        section, _, split = (key or self.key).partition(".")
        place = self.data.splits.place(split) if split else None
        place = place or self.data.place(section) or self.data.place(self.key)
        return DataError(message, place=place, hint=hint)

    def _require_packages(self) -> None:
        missing = [package for package in _PACKAGES if find_spec(package) is None]
        if missing:
            names = " and ".join(package.replace("_", "-") for package in missing)
            raise self._error(
                f"{self.data.title} is a data set of tensorflow-datasets, and {names} "
                f"{'are' if len(missing) > 1 else 'is'} not installed",
                hint=f"pip install {names.replace(' and ', ' ')}; other sources do not need it",
            )


def _default_config(home: Path) -> str | None:
    """Return the default configuration that tensorflow-datasets recorded for a data set."""
    try:
        noted = json.loads(read_regular(home / ".config" / "metadata.json", _MAX_METADATA))
        return str(noted["default_config_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def search_path() -> list[str]:
    """Return the directories that modules are imported from, without the working directory.

    A file such as json.py in it is not trusted. The directory of cnnzoo itself is the last.
    """
    here = os.path.realpath(".")
    found = [path for path in sys.path if path and os.path.realpath(path) != here]
    return [*found, str(Path(__file__).parents[3])]


_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from cnnzoo.datasets.tfds_process import main; main()"
)


class _Process:
    """The process that runs TensorFlow; it ends with this object."""

    def __init__(self) -> None:
        self.notices = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-W", "ignore", "-c", _PROGRAM, *search_path()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.notices,
            encoding="utf-8",
            env={
                **os.environ,
                "CUDA_VISIBLE_DEVICES": "-1",  # TensorFlow reserves the memory of every visible GPU
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
        )
        weakref.finalize(self, _end, self.process, self.notices)

    def answer(self, job: dict[str, Any], on_progress: Progress) -> dict[str, Any]:
        """Return its answer to a job: the result, or an error message."""
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        for line in self.process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "done" not in answer:
                return answer
            on_progress(answer["done"], answer["total"])
        self.process.wait()
        self.notices.seek(0)
        last = self.notices.read().decode(errors="replace").strip().rpartition("\n")[2]
        return {
            "message": f"the process that runs tensorflow-datasets ended unexpectedly: {last}",
            "hint": "check that enough memory is free",
        }


def _end(process: subprocess.Popen[str], notices: IO[bytes]) -> None:
    process.kill()
    with suppress(BrokenPipeError), process:
        pass  # `with` closes its pipes and waits for it
    notices.close()
