"""A separate process that runs tensorflow-datasets and TensorFlow.

In the training process they would keep their memory and import modules of the working directory,
and TensorFlow could not both hide the GPUs from them and use the GPUs for Keras. Each line of input
is a job. The answer is lines about its progress, then one with the result or an error. The process
ends with its input, so it does not outlive its parent.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray
from tensorflow_datasets.core import download

from cnnzoo.datasets.images.decode import UnreadableError, decode
from cnnzoo.datasets.images.fit import Fit, fit_images
from cnnzoo.datasets.part_names import meanings
from cnnzoo.errors import did_you_mean
from cnnzoo.network import answers
from cnnzoo.regular_files import read_regular
from cnnzoo.text import listed, shorten

_BATCH = 256
_LABEL_BATCH = 4096
_LISTED = 40
_MAX_FEATURES = 2**24  # bytes of features.json
_CLASS_KEYS = ("pythonClassName", "python_class_name", "type")  # that name a class there

Job = dict[str, Any]
Answer = dict[str, Any]
Say = Callable[[Answer], None]
Span = tuple[str, int, int]  # a split, and the numbers of its examples from first to before last


class Refusal(Exception):  # noqa: N818 - an answer, not an error of the program
    """The reason why a job cannot be done; `key` is the key of `data` that causes it, if any."""

    def __init__(self, message: str, key: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.hint = hint


def prepare(job: Job, say: Say) -> Answer:
    """Download or take the manual files, and write the data set below `data_dir`."""
    name = job["name"]
    builder = _registered(job)
    if builder.is_prepared():  # the default configuration is known to its code only
        return {"directory": str(builder.data_dir)}
    _features(builder, job)
    instructions = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    if instructions and not job["manual_dir"]:
        raise Refusal(
            f"the files of {name} are not downloaded by tensorflow-datasets: "
            f"{' '.join(instructions.split())}",
            hint="then set data.manual_dir to the directory that holds them",
        )
    download.DownloadManager = _probing_manager(name, builder.url_infos or {})
    config = tfds.download.DownloadConfig(
        manual_dir=job["manual_dir"], extract_dir=job["extracted"]
    )
    try:
        builder.download_and_prepare(download_config=config)
    except Refusal:
        raise
    except download.download_manager.NonMatchingChecksumError as error:
        path = str(error).partition("downloaded to ")[2].partition(", has wrong")[0]
        raise Refusal(
            f"{path} is not the file that {name} is made from: it has another checksum",
            "manual_dir",
            f"download it again; it belongs to {name} {builder.version}",
        ) from None
    except Exception as error:
        raise Refusal(
            f"tensorflow-datasets cannot prepare {name}: {_reason(error)}", hint=_ways_out(name)
        ) from error
    return {"directory": str(builder.data_dir)}


def label_values(job: Job, say: Say) -> Answer:
    """Return the labels in order, if they are known without the examples; else None."""
    builder = _opened(job) if job["directory"] else _registered(job)
    label, _ = _features(builder, job)
    return {"values": _values(label.kind)}


def examples(job: Job, say: Say) -> Answer:
    """Return the spans of each used part: split, first number, and the label of each example."""
    builder = _opened(job)
    label, _ = _features(builder, job)
    spans = _spans(builder, job["splits"])
    return {
        "values": _values(label.kind),
        "parts": {
            part: [
                (split, start, _labels(builder, label, split, start, stop))
                for split, start, stop in found
            ]
            for part, found in spans.items()
        },
    }


def read(job: Job, say: Say) -> Answer:
    """Decode the examples of these names into the rows of an array on disk."""
    builder = _opened(job)
    _, image = _features(builder, job)
    fit = Fit.from_json(job["fit"])
    out = np.load(job["output"], mmap_mode="r+")
    rows: dict[str, dict[int, int]] = {}  # split → number → row
    for row, name in enumerate(job["names"]):
        split, _, number = name.partition("[")
        rows.setdefault(split, {})[int(number[:-1])] = row
    failed: dict[int, str] = {}
    done = 0
    for split, wanted in rows.items():
        first, last = min(wanted), max(wanted)
        stream = _images(builder, image, split, first, last + 1)
        for number, picture in enumerate(stream, first):
            if number not in wanted:
                continue
            row = wanted[number]
            try:
                out[row] = _fitted(picture, fit)
            except UnreadableError as error:
                failed[row] = str(error)
            done += 1
            if done % _BATCH == 0:
                say({"done": done, "total": len(job["names"])})
    say({"done": done, "total": len(job["names"])})
    return {"failed": failed}


def _registered(job: Job) -> Any:
    """Return the builder of a name that tensorflow-datasets knows."""
    name, config = job["name"], job["config"]
    known = tfds.list_builders(with_community_datasets=False)
    if name not in known:
        raise Refusal(
            f"tensorflow-datasets has no data set {name!r}{did_you_mean(name, known)}",
            hint=f"a prepared data set of any name belongs in {job['data_dir']}/{name}/VERSION",
        )
    try:
        kind = tfds.builder_cls(name)
        if config and config not in kind.builder_configs:
            raise Refusal(
                f"{name} has no configuration {config!r}"
                f"{did_you_mean(config, kind.builder_configs)}",
                hint=f"its configurations: {listed(kind.builder_configs, _LISTED) or 'none'}",
            )
        return kind(config=config, version=job["version"], data_dir=job["data_dir"])
    except Refusal:
        raise
    except Exception as error:
        raise Refusal(f"tensorflow-datasets cannot open {name}: {_reason(error)}") from error


def _opened(job: Job) -> Any:
    """Return the builder of a prepared directory, which may have any name."""
    try:
        check_prepared(Path(job["directory"]))
        return tfds.builder_from_directory(job["directory"])
    except Refusal:
        raise
    except Exception as error:
        raise _damaged(job["directory"], error) from error


def check_prepared(directory: Path) -> None:
    """Refuse special files, and features that are not those of tensorflow-datasets.

    tensorflow-datasets would read a FIFO forever, and import any module that `features.json` names
    as the class of a feature. Raises Refusal, and OSError or ValueError for a file that is damaged.
    """
    for path in directory.iterdir():
        if not path.is_file() and not path.is_dir():
            raise Refusal(f"{path} is not a regular file", "data_dir")
    text = read_regular(directory / "features.json", _MAX_FEATURES)
    waiting = [json.loads(text)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            for key in _CLASS_KEYS:
                name = value.get(key)
                if isinstance(name, str) and name not in feature_classes():
                    raise Refusal(
                        f"{directory / 'features.json'} names a feature that is not one of "
                        f"tensorflow-datasets: {shorten(name)!r}",
                        "data_dir",
                        "its class could run any code; prepare the data set again from its source",
                    )


@cache
def feature_classes() -> frozenset[str]:
    """Return the names of the classes of features that tensorflow-datasets itself has."""
    kinds = (kind for kind in vars(tfds.features).values() if isinstance(kind, type))
    return frozenset(
        f"{kind.__module__}.{kind.__name__}"
        for kind in kinds
        if issubclass(kind, tfds.features.FeatureConnector)
        and kind.__module__.startswith("tensorflow_datasets.core.features.")
    )


def _damaged(directory: str, error: Exception | str) -> Refusal:
    reason = error if isinstance(error, str) else _reason(error)
    return Refusal(
        f"the prepared data set {directory} is damaged: {reason}",
        "data_dir",
        "remove that directory: it is then prepared again",
    )


@dataclass(frozen=True, slots=True)
class _Feature:
    """One value of an example: its path of keys, and its feature in tensorflow-datasets."""

    path: tuple[str, ...]
    kind: Any

    def of(self, example: Any) -> Any:
        for key in self.path:
            example = example[key]
        return example

    def nested(self, value: Any) -> Any:
        for key in reversed(self.path):
            value = {key: value}
        return value


def _features(builder: Any, job: Job) -> tuple[_Feature, _Feature]:
    """Return the features of label and image: of `data.label` and `data.image`, or the defaults."""
    image = _chosen(builder.info, "image", job, _is_image, "an image with pixels of 8 or 16 bits")
    kinds = "a ClassLabel, a whole number or a truth value"
    return _chosen(builder.info, "label", job, _is_label, kinds), image


def _chosen(info: Any, key: str, job: Job, usable: Callable[[Any], bool], kinds: str) -> _Feature:
    name, given = job["name"], job[key]
    features = {"/".join(found.path): found for found in _leaves(info.features)}
    choices = [text for text, feature in features.items() if usable(feature.kind)]
    if not choices:
        every = [f"{text} ({type(feature.kind).__name__})" for text, feature in features.items()]
        hint = f"its features: {listed(every, _LISTED)}"
        raise Refusal(f"{name} has no {key}: none of its features is {kinds}", hint=hint)
    choices.sort(key=lambda text: _is_plain_number(features[text].kind))  # classes first
    if given is None:
        meant = [*(info.supervised_keys or ()), key]
        given = next((text for text in meant if text in choices), None)
    if given is None:
        way = f"choose one with data.{key}: {listed(choices, _LISTED)}"
        raise Refusal(f"{name} does not say which feature is its {key}", hint=way)
    hint = f"choose one of {listed(choices, _LISTED)}"
    if given not in features:
        near = did_you_mean(given, features)
        raise Refusal(f"data.{key}: {name} has no feature {given!r}{near}", key, hint)
    if given not in choices:
        what = type(features[given].kind).__name__
        raise Refusal(f"data.{key}: {given} of {name} is {what}, not {kinds}", key, hint)
    return features[given]


def _leaves(features: Any, above: tuple[str, ...] = ()) -> Iterator[_Feature]:
    for key, kind in features.items():
        if isinstance(kind, tfds.features.FeaturesDict):
            yield from _leaves(kind, (*above, key))
        else:
            yield _Feature((*above, key), kind)


def _is_image(feature: Any) -> bool:
    if isinstance(feature, tfds.features.LabeledImage):
        return False  # a mask
    if isinstance(feature, tfds.features.Image):
        return feature.np_dtype in (np.uint8, np.uint16)
    if not isinstance(feature, tfds.features.Tensor) or len(feature.shape) != 3:
        return False
    return feature.np_dtype == np.uint8 and feature.shape[2] in (1, 3)


def _is_label(feature: Any) -> bool:
    if not isinstance(feature, tfds.features.Tensor) or feature.shape != ():
        return False
    return feature.np_dtype == np.bool_ or np.issubdtype(feature.np_dtype, np.integer)


def _is_plain_number(feature: Any) -> bool:
    return not isinstance(feature, tfds.features.ClassLabel) and feature.np_dtype != np.bool_


def _values(label: Any) -> list[str] | None:
    if label.np_dtype == np.bool_:
        return ["False", "True"]
    is_named = isinstance(label, tfds.features.ClassLabel) and label.num_classes
    return list(label.names) if is_named else None


def _spans(builder: Any, splits: dict[str, str | None]) -> dict[str, list[Span]]:
    """Return the spans of examples of each used part."""
    own = builder.info.splits
    meaning = meanings(own)
    name = builder.info.name
    parts: dict[str, list[Span]] = {}
    for split, given in splits.items():
        if given is not None:
            parts[given] = _absolute(given, split, builder)
            continue
        for part in own:
            if meaning[part] == split:
                parts[part] = [(part, 0, own[part].num_examples)]
        if split == "train" and not parts:
            raise Refusal(
                f"{name} has no split for training",
                "splits",
                f"name one with data.splits.train; its splits: {listed(own, _LISTED)}",
            )
    _refuse_overlap(parts, name)
    return parts


def _absolute(given: str, split: str, builder: Any) -> list[Span]:
    own = builder.info.splits
    try:
        found = tfds.core.ReadInstruction.from_spec(given).to_absolute(own)
    except Exception as error:
        raise Refusal(
            f"data.splits.{split}: {_reason(error)}",
            f"splits.{split}",
            f"write NAME, NAME[:80%], NAME[1000:] or a sum; its splits: {listed(own, _LISTED)}",
        ) from error
    spans = []
    for part in found:
        count = own[part.splitname].num_examples
        stop = count if part.to is None else min(part.to, count)
        spans.append((part.splitname, part.from_ or 0, stop))
    if all(start >= stop for _, start, stop in spans):
        raise Refusal(
            f"data.splits.{split}: {given!r} holds no example of {builder.info.name}",
            f"splits.{split}",
        )
    return [span for span in spans if span[1] < span[2]]


def _refuse_overlap(parts: dict[str, list[Span]], name: str) -> None:
    every = sorted((*span, part) for part, spans in parts.items() for span in spans)
    for (split, _, stop, part), (other_split, start, _, other) in pairwise(every):
        if split == other_split and start < stop:
            raise Refusal(
                f"data.splits: {part!r} and {other!r} share examples of {name}",
                "splits",
                "write parts that do not overlap, as train[:80%] and train[80%:]",
            )


def _stream(builder: Any, split: str, start: int, stop: int, **decoding: Any) -> Any:
    """Yield the examples of a span in the order of storage."""
    return builder.as_dataset(
        split=tfds.core.ReadInstruction(split, from_=start, to=stop, unit="abs"),
        shuffle_files=False,
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        decoders=tfds.decode.PartialDecoding(**decoding),
    )


def _labels(builder: Any, label: _Feature, split: str, start: int, stop: int) -> list[int]:
    labels: list[int] = []
    try:
        stream = _stream(builder, split, start, stop, features=label.nested(True))
        for batch in stream.batch(_LABEL_BATCH).as_numpy_iterator():
            labels += label.of(batch).astype(int).tolist()
    except Exception as error:
        raise _damaged(str(builder.data_dir), error) from error
    if len(labels) != stop - start:
        reason = f"{split} has {len(labels):,} of {stop - start:,} examples"
        raise _damaged(str(builder.data_dir), reason)
    return labels


def _images(
    builder: Any, image: _Feature, split: str, start: int, stop: int
) -> Iterator[bytes | NDArray[np.uint8]]:
    """The images of a span: the bytes of a file each, or uint8 [height, width, 1 or 3]."""
    encoded = isinstance(image.kind, tfds.features.Image)
    skip = image.nested(tfds.decode.SkipDecoding()) if encoded else None
    try:
        stream = _stream(builder, split, start, stop, features=image.nested(True), decoders=skip)
        if encoded:  # arrays may differ in shape, so they cannot be a batch
            for batch in stream.batch(_BATCH).as_numpy_iterator():
                yield from image.of(batch)
        else:
            for example in stream.as_numpy_iterator():
                yield image.of(example)
    except Exception as error:
        raise _damaged(str(builder.data_dir), error) from error


def _fitted(picture: bytes | NDArray[np.uint8], fit: Fit) -> NDArray[np.uint8]:
    return decode(picture, fit) if isinstance(picture, bytes) else fit_images(picture[None], fit)[0]


def _probing_manager(name: str, url_infos: dict[str, Any]) -> Any:
    """A download manager that checks whether the host can be reached before it downloads."""

    class Manager(download.DownloadManager):  # type: ignore[misc]
        reached: set[str] = set()

        def _download(self, resource: Any) -> Any:
            host = urlsplit(resource.url).hostname or resource.url
            if host not in self.reached and not answers(resource.url):
                info = url_infos.get(resource.url)
                file = info.filename if info and info.filename else resource.url
                raise Refusal(
                    f"{name} is not prepared, and {host}, the source of {file}, cannot be reached",
                    hint=_ways_out(name),
                )
            self.reached.add(host)
            return super()._download(resource)

    return Manager


def _ways_out(name: str) -> str:
    return (
        f"set data.data_dir to a directory with {name} as tensorflow-datasets prepares it, or "
        "data.manual_dir to one with the files that it downloads, or take a sample that needs no "
        "download: data=mnist5k"
    )


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__


JOBS = {job.__name__: job for job in (prepare, label_values, examples, read)}


def _take_jobs(jobs: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # the parent process has ended and does not wait for the current job


def main() -> None:
    """Do the jobs that arrive on standard input, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles it
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of other code is not an answer

    def say(answer: Answer) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_take_jobs, args=(jobs,), daemon=True).start()
    tfds.disable_progress_bar()
    while True:
        job = json.loads(jobs.get())
        try:
            say(JOBS[job["do"]](job, say))
        except Refusal as refusal:
            say({"message": str(refusal), "key": refusal.key, "hint": refusal.hint})
