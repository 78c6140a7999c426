"""Cross-validate a configuration: train it once for each fold, and measure each model on its fold.

All folds are trained in one process, so the start-up and the cache of decoded images are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from cnnzoo.config.data import Fold
from cnnzoo.config.loader import make_config
from cnnzoo.config.located import Map
from cnnzoo.config.schema import Config
from cnnzoo.config.writer import to_yaml
from cnnzoo.datasets.dataset import Dataset
from cnnzoo.datasets.source import open_source
from cnnzoo.errors import ConfigError, DataError, Interrupted, RunError
from cnnzoo.evaluation.evaluate import evaluate
from cnnzoo.evaluation.predictions import write_predictions
from cnnzoo.models.backend import without_retracing_warnings
from cnnzoo.runs.files import write_text
from cnnzoo.runs.run import Run
from cnnzoo.studies.crossval_directory import LOCK, CrossvalDirectory
from cnnzoo.studies.crossval_predictions import out_of_fold
from cnnzoo.studies.crossval_results import (
    CrossvalRecord,
    FoldResult,
    fold_text,
    read_record,
    summarize,
    write_record,
)
from cnnzoo.studies.outcomes import FINISHED, RUNNING, outcome_of, problem_of
from cnnzoo.studies.progress import StudyDisplay
from cnnzoo.studies.training import train_run
from cnnzoo.text import counted, duration_text
from cnnzoo.training.checks import check_config
from cnnzoo.training.job import check_splits, data_of
from cnnzoo.training.progress import load_with_progress

_SEEDS = 2**32


def start_crossval(
    raw: Map,
    crossval_dir: Path | str,
    *,
    folds: int,
    repeats: int = 1,
    display: StudyDisplay | None = None,
) -> CrossvalDirectory:
    """Create the directory of a cross-validation, or return the one with the same values.

    The data are loaded and the folds are made, so that mistakes show before the first training.

    Raises:
        ConfigError, DataError: the configuration does not fit the data or the folds.
        RunError: a cross-validation of that name has other values, or the directory other runs.

    """
    config = make_config(raw)
    directory = CrossvalDirectory(Path(crossval_dir) / config.name)
    if directory.config_path.exists():
        _refuse_others(directory, config, folds, repeats)
        return directory
    directory.refuse_other_runs()
    if config.data and config.data.fold:
        raise ConfigError(
            "data.fold: cnnzoo crossval chooses the folds itself",
            place=config.data.place("fold"),
            hint="remove this key; --folds sets their number",
        )
    dataset = _first_fold(config, folds, display or StudyDisplay())
    record = CrossvalRecord(
        folds=folds,
        repeats=repeats,
        fingerprint=dataset.fingerprint,
        class_names=list(dataset.class_names),
        notes=list(dataset.notes),
    )
    try:
        directory.path.mkdir(parents=True, exist_ok=True)
        write_record(directory, record)
        # Last: by this file, the directory is a cross-validation.
        write_text(directory.config_path, to_yaml(config.plain()))
    except OSError as error:
        raise RunError(
            f"{directory} cannot be written: {error.strerror}",
            hint="name another directory with --crossval-dir or CNNZOO_CROSSVAL_DIR",
        ) from error
    return directory


def run_crossval(
    directory: CrossvalDirectory,
    *,
    device: str = "auto",
    display: StudyDisplay | None = None,
    command: Sequence[str] = (),
) -> CrossvalRecord:
    """Train and measure what is missing, and write metrics and predictions if every fold has some.

    A training that fails is recorded, and the others are trained; `failed` of the record has it.
    The next call tries it again.

    Raises:
        Interrupted: a stop was requested; the next call continues with the same result.
        DataError: the data have changed since the start.
        RunError: another process works on the directory, or a file cannot be written.

    """
    display = display or StudyDisplay()
    lock = FileLock(directory.path / LOCK, timeout=0)
    try:
        with lock:
            return _run(directory, device, display, command)
    except Timeout:
        raise RunError(f"another process trains the folds of {directory}") from None


def fold_config(config: Config, number: int, folds: int) -> Config:
    """Return the configuration of a run by its number from 1: with its fold, and its own seed."""
    data = data_of(config)
    repeat, fold = divmod(number - 1, folds)
    held_out = Fold(number=fold + 1, of=folds, repeat=repeat + 1)
    return config.model_copy(
        update={
            "data": data.model_copy(update={"fold": held_out}),
            "seed": (config.seed + number - 1) % _SEEDS,
            "sweep": None,
        }
    )


def _run(
    directory: CrossvalDirectory, device: str, display: StudyDisplay, command: Sequence[str]
) -> CrossvalRecord:
    record = read_record(directory)
    # Runs are below the name of the directory, also if it was renamed.
    config = directory.config().model_copy(update={"name": directory.name})
    if record.is_complete and record.metrics:
        display.note(f"{directory} is complete; its results:")
        return record
    if record.results:
        display.note(f"continuing {directory}")
        _refuse_changed(directory, record, _first_fold(config, record.folds, display))
    done = {result.number: result for result in record.results if result.outcome == FINISHED}
    for number in range(1, record.count + 1):
        if number not in done:
            done[number] = _fold(directory, record, config, number, device, display, command)
        results = [done[each] for each in sorted(done)]
        record = record.model_copy(update={"results": results})
        write_record(directory, record)
    if record.is_complete:
        write_predictions(directory.predictions_path, out_of_fold(directory, record))
        record = record.model_copy(update={"metrics": summarize(record.results)})
        write_record(directory, record)
    return record


def _fold(
    directory: CrossvalDirectory,
    record: CrossvalRecord,
    config: Config,
    number: int,
    device: str,
    display: StudyDisplay,
    command: Sequence[str],
) -> FoldResult:
    """Train and measure one fold, and return its result, which may be a failure."""
    run = directory.run(number)
    repeat, fold = divmod(number - 1, record.folds)
    result = FoldResult(number=number, repeat=repeat + 1, fold=fold + 1, outcome=RUNNING)
    display.note(f"run {number} of {record.count}: {fold_text(record, result)}")
    try:
        train_run(
            run,
            fold_config(config, number, record.folds),
            device=device,
            display=display.training(),
            command=command,
        )
        if run.awaits_measurement():
            with without_retracing_warnings():
                evaluate(run, device=device)
        result = _measured(run, result)
    except KeyboardInterrupt as stop:  # while it is trained or measured
        kind = type(stop) if isinstance(stop, Interrupted) else Interrupted
        hint = f"continue: cnnzoo crossval --resume {directory}"
        raise kind(
            f"interrupted; the cross-validation so far is in {directory}", hint=hint
        ) from stop
    except Exception as error:
        outcome = outcome_of(error)
        if outcome is None:
            raise
        result = result.model_copy(update={"outcome": outcome, "problem": problem_of(error)})
    display.note(f"  {result_text(result)}")
    return result


def _measured(run: Run, result: FoldResult) -> FoldResult:
    """Return the result of a run that is measured."""
    record, metrics = run.record(), run.metrics()["metrics"]
    return result.model_copy(
        update={
            "outcome": FINISHED,
            "examples": dict(record["data"]["examples"]),
            "epochs": record["epochs"],
            "best_epoch": record.get("best_epoch"),
            "seconds": record["seconds"],
            "metrics": {name: metric["value"] for name, metric in metrics.items()},
        }
    )


def result_text(result: FoldResult) -> str:
    """Return how a fold ended, in one line."""
    if result.outcome != FINISHED:
        return f"{result.outcome}: {result.problem}"
    return (
        f"accuracy {result.metrics['accuracy']:.4f}, loss {result.metrics['loss']:.4f} on "
        f"{counted(result.examples['test'], 'example')}  {duration_text(result.seconds)}"
    )


def _first_fold(config: Config, folds: int, display: StudyDisplay) -> Dataset:
    """Return the data set of the first fold; raises what a training raises for its data."""
    first = fold_config(config, 1, folds)
    data = data_of(first)
    source = open_source(data)
    check_config(first, source)
    dataset = load_with_progress(data, first.model.input_shape, display.training(), source)
    check_splits(first, data, dataset)
    return dataset


def _refuse_changed(directory: CrossvalDirectory, record: CrossvalRecord, dataset: Dataset) -> None:
    if dataset.fingerprint != record.fingerprint:
        raise DataError(
            f"{dataset.name} has changed since {directory} was started: fingerprint "
            f"{record.fingerprint} → {dataset.fingerprint}",
            hint="restore the data, or start another cross-validation: --name NAME",
        )


def _refuse_others(directory: CrossvalDirectory, config: Config, folds: int, repeats: int) -> None:
    """Raise RunError if a directory is of another configuration or other folds."""
    record = read_record(directory)
    same = directory.config().plain() == config.plain()
    if not same or (record.folds, record.repeats) != (folds, repeats):
        what = (
            "another configuration"
            if not same
            else f"--folds {record.folds} --repeats {record.repeats}"
        )
        raise RunError(
            f"{directory} was started with {what}",
            hint=f"continue it with cnnzoo crossval --resume {directory}, or give this "
            "cross-validation another name: --name NAME",
        )
