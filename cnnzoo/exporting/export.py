"""Run or model → verified file of another runtime, with its record."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

import cnnzoo
from cnnzoo.datasets.dataset import SPLITS, Dataset
from cnnzoo.errors import DataError, RunError, Terminated, UserError
from cnnzoo.evaluation.classifier import Classifier, batch_size, open_classifier, run_or_file
from cnnzoo.evaluation.evaluate import predict_split
from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.evaluation.sources import ALL, choose_data
from cnnzoo.evaluation.speed import measure_speed
from cnnzoo.exporting.example import example_script
from cnnzoo.exporting.formats import Format, find_format
from cnnzoo.exporting.golden import golden_examples, golden_rows
from cnnzoo.exporting.job import Job
from cnnzoo.exporting.process import converting
from cnnzoo.exporting.record import file_digest, installed_versions, record_path, record_text
from cnnzoo.exporting.verify import VerificationError, check_agreement
from cnnzoo.exporting.web.page import read_web_runtime, web_page
from cnnzoo.models.backend import load_keras
from cnnzoo.models.runtimes.contract import Contract
from cnnzoo.models.runtimes.open import is_exported
from cnnzoo.models.saved import Trust
from cnnzoo.runs.environment import machine
from cnnzoo.runs.files import is_locked
from cnnzoo.runs.run import Run
from cnnzoo.runs.trained import is_trained, results_folder
from cnnzoo.training.progress import Display

CALIBRATION = 256  # training images that int8 is calibrated on
TRAIN = "train"
_SCRATCH, _LOCK = ".export-", "lock"  # the lock is held while the directory is in use


@dataclass(frozen=True, slots=True)
class Export:
    """A finished export: its files, the model first, and its record."""

    files: tuple[Path, ...]
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What to export to, and how.

    `output` is the file to write; None for the place in the run, or next to the model. `batch` is
    the only batch size that the result accepts, None for all. `max_loss` is the accuracy that may
    be lost. `example` adds a script that needs only the runtime, and `web_runtime`, the folder of
    npm's onnxruntime-web, a page for browsers.
    """

    format: str
    precision: str = "float32"
    output: Path | None = None
    batch: int | None = None
    opset: int | None = None
    verify: bool = True
    max_loss: float | None = None
    example: bool = False
    web_runtime: Path | None = None


def export(
    run: Run | Path | str,
    options: Options,
    *,
    data: Sequence[str] = (),
    display: Display | None = None,
    trust: Trust | None = None,
) -> Export:
    """Write the best model of a run, or a `.keras` file, as a file of another runtime.

    `data` names the data to verify on, as in `evaluate`; by default those of the run. `trust` is
    for `load_model`.

    Raises:
        UserError: an unknown format, a missing package, a network that the format cannot express,
            a place that cannot be written.
        RunError, DataError: as `evaluate`.
        VerificationError: the file gives other answers; it is not kept.

    """
    display = display or Display()
    chosen = find_format(options.format, options.precision, options.opset)
    opened = run if isinstance(run, Run) else run_or_file(Path(run))
    trained = opened if isinstance(opened, Run) else None
    source = opened.model_path if isinstance(opened, Run) else opened
    if is_exported(source):
        raise RunError(f"{source} is an exported model", hint="export the Keras model it came from")
    name = trained.config().name if trained else source.stem
    target = options.output or _default_path(trained, source, name, options, chosen)
    if target.suffix != chosen.suffix:
        raise UserError(
            f"{target.name} does not end in {chosen.suffix}, the suffix of {options.format}",
            hint=f"--output {target.with_suffix(chosen.suffix)}",
        )
    if options.web_runtime and options.format != "onnx":
        raise UserError(
            f"a page for browsers runs ONNX, not {options.format}",
            hint="--format onnx, or omit --web-runtime",
        )
    with _terminable(), _scratch(target) as scratch:
        keras_model = open_classifier(opened, device="cpu", trust=trust)
        contract = _contract(name, keras_model, options)
        web = read_web_runtime(options.web_runtime, contract) if options.web_runtime else None
        dataset, split = _data(trained, keras_model, data, options, display)
        result = scratch / target.name
        job = Job(
            source.resolve(),
            result,
            options.format,
            contract,
            options.batch,
            options.opset,
            _calibration(dataset, scratch, options) if dataset else None,
            trust is not None,
        )
        record: dict[str, Any] = {
            "format": options.format,
            "contract": contract.plain(),
            "batch": options.batch,
            "opset": options.opset,
            "source": str(opened),
            "model_sha256": file_digest(source),
        }
        with converting(job, scratch) as wait:
            reference = predict_split(keras_model, dataset, split) if dataset else None
            wait()
        exported = open_classifier(result)
        if exported.fit != keras_model.fit or exported.class_names != keras_model.class_names:
            raise VerificationError(f"{target.name} does not describe its input as Keras does")
        parts = [result, *(result.with_suffix(part) for part in chosen.parts)]
        record["bytes"] = sum(map(_size, parts))
        if dataset and reference:
            record |= _measured(keras_model, exported, dataset, split, reference, options)
        record |= {"versions": installed_versions(), "machine": machine(load_keras())}
        if options.example:
            script = scratch / f"{target.name}.py"
            script.write_text(
                example_script(options.format, target.name, contract, options.batch), "utf-8"
            )
            parts.append(script)
        if web:
            page = scratch / f"{target.name}.html"
            golden = record.get("golden", [])
            text = web_page(web, result.read_bytes(), contract, golden, options.batch)
            page.write_text(text, encoding="utf-8", errors="backslashreplace")
            parts.append(page)
        written = record_path(result)
        written.write_text(record_text(record), encoding="utf-8", errors="backslashreplace")
        return Export(_publish([*parts, written], target.parent), record)


def _contract(name: str, classifier: Classifier, options: Options) -> Contract:
    fit = classifier.fit
    values: dict[str, Any] = {
        "name": name,
        "class_names": classifier.class_names,
        "input_shape": fit.shape,
        "resize": {"method": fit.method, "interpolation": fit.interpolation},
        "pixel_range": fit.pixel_range,
        "precision": options.precision,
        "cnnzoo": cnnzoo.__version__,
    }
    return Contract(**values)


def _default_path(
    run: Run | None, source: Path, name: str, options: Options, chosen: Format
) -> Path:
    folder = run.exports_path if run and not is_trained(run) else results_folder(run or source)
    kind = "" if options.precision == "float32" else f"-{options.precision}"
    return folder / f"{name}{kind}{chosen.suffix}"


def _data(
    run: Run | None,
    classifier: Classifier,
    words: Sequence[str],
    options: Options,
    display: Display,
) -> tuple[Dataset | None, str]:
    """The data to verify on and calibrate with, and the split to verify on; None if not needed."""
    if not options.verify and options.precision != "int8":
        return None, ""
    if run is None and not words:
        needs = (
            "int8 is calibrated on images"
            if options.precision == "int8"
            else ("a model file does not name the data to verify the export on")
        )
        raise RunError(
            needs,
            hint="name data: --data mnist5k, or --data folder=photos"
            + ("" if options.precision == "int8" else "; or omit it with --no-verify"),
        )
    try:
        chosen = choose_data(run, classifier, words, display)
    except DataError as error:
        if words:
            raise
        # The data of the training may be on another machine.
        hint = "verify on other data of these classes: --data mnist5k, or --data folder=photos"
        raise DataError.of(replace(each, hint=hint) for each in error.mistakes) from error
    return chosen.dataset, chosen.split


def _calibration(dataset: Dataset, scratch: Path, options: Options) -> Path | None:
    """A file of training images, evenly spaced, or None if the precision needs none."""
    if options.precision != "int8":
        return None
    images = dataset.splits[TRAIN].images
    count = images.shape[0]
    if not count:
        raise DataError(f"{dataset.name} has no training images to calibrate int8 on")
    rows = np.linspace(0, count - 1, min(CALIBRATION, count)).astype(np.intp)
    if options.batch:
        rows = np.resize(rows, -(-len(rows) // options.batch) * options.batch)
    path = scratch / "calibration.npy"
    np.save(path, images[rows])
    return path


def _measured(
    keras_model: Classifier,
    exported: Classifier,
    dataset: Dataset,
    split: str,
    reference: Predictions,
    options: Options,
) -> dict[str, Any]:
    """What was verified and measured, for the record; raises VerificationError."""
    predictions = predict_split(exported, dataset, split)
    verified = check_agreement(reference, predictions, options.precision, options.max_loss)
    rows = golden_rows(len(reference))
    size = options.batch or batch_size(keras_model.fit.shape, keras_model.model)
    speed = measure_speed(
        {
            "exported": exported.model.predict_on_batch,
            "keras": keras_model.model.predict_on_batch,
            "keras_predict": lambda batch: keras_model.model.predict(batch, verbose=0),
        },
        _images(dataset, split, np.resize(np.arange(len(reference)), size)),
    )
    golden = Predictions(
        tuple(reference.names[row] for row in rows.tolist()),
        reference.labels[rows],
        reference.probabilities[rows],
        reference.class_names,
    )
    return {
        "verification": {
            "data": dataset.name,
            "fingerprint": dataset.fingerprint,
            "split": split,
            **verified,
        },
        "speed": {"batch_size": size, **speed},
        "golden": golden_examples(_images(dataset, split, rows), golden),
    }


def _images(dataset: Dataset, split: str, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """The images at these rows of a split, or of all splits one after the other."""
    parts = [dataset.splits[each].images for each in (SPLITS if split == ALL else (split,))]
    starts = np.cumsum([0, *(part.shape[0] for part in parts)])
    which = np.searchsorted(starts, rows, side="right") - 1
    return np.concatenate(
        [parts[part][np.array([row - starts[part]])] for part, row in zip(which, rows, strict=True)]
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """Within, SIGTERM raises Terminated, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated("the export was stopped; nothing was written")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """A directory next to the target, removed at the end; those of killed exports are removed too.

    Raises UserError if it cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f"{_SCRATCH}*/{_LOCK}"):
            if not is_locked(leftover):
                shutil.rmtree(leftover.parent, ignore_errors=True)
        with (
            TemporaryDirectory(prefix=_SCRATCH, dir=target.parent) as folder,
            FileLock(Path(folder, _LOCK)),
        ):
            yield Path(folder)
    except OSError as error:
        raise UserError(
            f"{target} cannot be written: {error.strerror or error}",
            hint="free some space, or name another file with --output",
        ) from error


def _publish(parts: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """Move complete files to their place, the record last; older ones are replaced."""
    published = []
    (folder / parts[-1].name).unlink(missing_ok=True)
    for part in parts:
        place = folder / part.name
        if place.is_dir():
            shutil.rmtree(place)
        published.append(part.replace(place))
    return tuple(published)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size
