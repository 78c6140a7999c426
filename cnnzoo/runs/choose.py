"""Choose runs and models from arguments: a path, the name of a run or of a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cnnzoo.errors import RunError, UserError, did_you_mean
from cnnzoo.runs.hub import downloaded_model, is_hub_name
from cnnzoo.runs.run import CONFIG, RECORD, Note, Run, by_start, find_runs, latest_run, open_run
from cnnzoo.runs.trained import trained_names, trained_run

# The suffixes of files that are models, not pictures.
MODEL_SUFFIXES = (".keras", ".h5", ".hdf5", ".onnx", ".tflite", ".xml")


def choose_run(
    word: str | None, runs_dir: Path | str, note: Note | None = None, *, trained: bool = True
) -> Run:
    """Return the run that a word names, or the latest run if there is no word.

    A word is a run directory (`runs/lenet/1`), the directory of all runs of one name
    (`runs/lenet`) or that name (`lenet`); the last two mean the run with the highest number. If
    there is none, it is a trained network of cnnzoo, unless `trained` is false.

    Raises:
        RunError: there is no such run.

    """
    if word is None:
        return latest_run(runs_dir, note)
    found = run_named(word, runs_dir)
    if trained:
        found = _noted(word, found, note)
    return found or open_run(word)


def choose_model(word: str | None, runs_dir: Path | str, note: Note | None = None) -> Run | Path:
    """Return the run that a word names, or its path if it names a model file.

    Without a word, return the latest run. A name that is neither a run nor a file is a trained
    network of cnnzoo; `hf://USER/REPO` is downloaded.

    Raises:
        RunError: there is neither.

    """
    if word is None:
        return latest_run(runs_dir, note)
    if is_hub_name(word):
        return downloaded_model(word)
    path = Path(word)
    named = run_named(word, runs_dir)
    if named is None and (path.is_file() or _is_saved_model(path) or _has_model_suffix(word)):
        return path  # opening it reports the problem
    if found := _noted(word, named, note):
        return found
    if path.exists() or "/" in word:
        return open_run(word)
    names = [*(parent.name for parent in _parents(Path(runs_dir))), *trained_names()]
    raise UserError(
        f"{word!r} is not a run or a model{did_you_mean(word, names)}",
        hint="name a run (runs/lenet/1, or lenet for its latest), a model file (model.keras), or a "
        f"trained network of cnnzoo: {', '.join(trained_names())}",
    )


def _noted(word: str, named: Run | None, note: Note | None) -> Run | None:
    """Return the run of a name, or else the trained network; note which if both could be meant."""
    shipped = trained_run(word)
    if shipped and note:
        note(
            f"{word} is the run {named}, not the trained network of cnnzoo"
            if named
            else f"{word} is the trained network that comes with cnnzoo"
        )
    return named or shipped


def split_model(words: Sequence[str], runs_dir: Path | str) -> tuple[str | None, tuple[str, ...]]:
    """Split words into the run or model that the first one may name, and the others.

    Raises:
        UserError: the first word is both an existing path and the name of a run.

    """
    if not words:
        return None, ()
    first, *others = words
    path = Path(first)
    if names_model(first):
        return first, tuple(others)
    named = run_named(first, runs_dir)
    if named and path.exists() and not _numbered(path):
        raise UserError(
            f"{first!r} is both a path and the name of a run",
            hint=f"write {named} for the run, or ./{first} for the path",
        )
    missing = not path.exists() and not any(sign in first for sign in "*?[")
    looks_like_a_run = path.name.isdecimal() and len(path.parts) > 1
    is_a_name = not any(sign in first for sign in "/.-") and (others or trained_run(first))
    if named or (missing and (looks_like_a_run or is_a_name)):
        return first, tuple(others)
    return None, tuple(words)


def choose_compared(
    words: Sequence[str], runs_dir: Path | str, note: Note | None = None
) -> list[Run | Path]:
    """Return the runs and exported models that words name.

    The latest run is added to one word, and the latest two are taken without a word.

    Raises:
        RunError: there is no such run, or not a second one.

    """
    chosen = [choose_model(word, runs_dir, note) for word in words]
    if len(chosen) > 1:
        return chosen
    paths = {run.path.resolve() for run in chosen if isinstance(run, Run)}
    latest = [run for run in by_start(runs_dir, note) if run.path.resolve() not in paths]
    missing = 2 - len(chosen)
    if len(latest) < missing:
        raise RunError(
            f"two runs are compared, and {runs_dir} has {len(latest) + len(chosen)}",
            hint="name the runs, or train another: cnnzoo train lenet",
        )
    return [*chosen, *latest[-missing:]]


def names_model(word: str) -> bool:
    """Return whether a word is the path of a run or a model file, not the name of a config."""
    return (
        is_hub_name(word)
        or _is_run(Path(word))
        or _has_model_suffix(word)
        or _is_saved_model(Path(word))
    )


def run_named(word: str, runs_dir: Path | str) -> Run | None:
    """Return the run of a path or name, or None if there is none."""
    if _is_run(Path(word)):
        return open_run(word)
    parents = [Path(word)]
    if Path(word).name == word:
        parents.append(Path(runs_dir) / word)
    for parent in parents:
        if numbered := _numbered(parent):
            return open_run(numbered[-1])
    return None


def _numbered(parent: Path) -> list[Path]:
    """The runs directly below a directory, by number."""
    if not parent.is_dir():
        return []
    paths = [path for path in parent.iterdir() if path.name.isdecimal() and _is_run(path)]
    return sorted(paths, key=lambda path: int(path.name))


def _parents(runs_dir: Path) -> list[Path]:
    return list(dict.fromkeys(run.path.parent for run in find_runs(runs_dir)))


def _is_run(path: Path) -> bool:
    return (path / RECORD).is_file() and (path / CONFIG).is_file()


def _is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file()


def _has_model_suffix(word: str) -> bool:
    return word.lower().endswith(MODEL_SUFFIXES)
