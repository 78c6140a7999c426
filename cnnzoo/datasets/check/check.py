"""Check a data set for problems: unreadable files, copies, classes, sizes, colours, formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.check.diagnosis import Diagnosis, Finding, Offender
from cnnzoo.datasets.check.duplicates import Copies, TooAlikeError, find_copies
from cnnzoo.datasets.check.files import (
    COLOUR,
    GRAY,
    Facts,
    empty_folders,
    file_facts,
    root_of,
    stray_files,
)
from cnnzoo.datasets.check.pictures import Pictures, Traits, count_classes, examine
from cnnzoo.datasets.dataset import Dataset, ImageShape
from cnnzoo.datasets.load import load_dataset

# Pictures with a smaller standard deviation of the pixels (of 255) are blank. FER2013 has 13 up to
# 0.7, a spot of light on black with 4.1, and a face in the dark with 9.
BLANK = 3.0
FEW = 20  # examples of a class to train on
UNEVEN = (
    3.0  # largest class to smallest; also the factor by which an image is distorted or enlarged
)

# Of several copies, one in the first of these splits is kept: test images must be new to the model.
_KEPT_FIRST = ("test", "validation", "train")

_ABOUT_COPIES = {
    "conflict": "the same pixels under several labels",
    "leakage": "the same pixels also in another split",
    "near_conflict": "nearly the same picture under several labels",
    "near_leakage": "nearly the same picture also in another split",
    "duplicate": "the same pixels as another picture",
    "near_duplicate": "another picture, cut, compressed or marked differently",
}

Progress = Callable[[str, int, int], None]  # the step, the number of pictures done, of all


def check_data(
    data: DataConfig,
    *,
    image_shape: ImageShape,
    on_progress: Progress = lambda what, done, total: None,
) -> Diagnosis:
    """Look for problems in the data of a configuration.

    They are of all KINDS except for wrong labels, which `cnnzoo.evaluation.label_check` finds.
    The pictures are those that a training would use: with the shape of the model's input, in the
    same splits, without excluded ones, opened from the cache or decoded into it. Sizes, colours and
    formats are those of the files, if there are files.

    Raises DataError if the data are missing.
    """
    step = partial(partial, on_progress)
    readable = data.model_copy(update={"on_error": "skip"})
    dataset = load_dataset(readable, image_shape=image_shape, on_progress=step("decoding"))
    pictures = Pictures(dataset)
    traits = examine(pictures, step("comparing"))
    root = root_of(data, pictures.names)
    findings = [
        *_unreadable(dataset),
        *_copies(pictures, traits),
        *in_classes(pictures),
        *_blank(pictures, traits),
    ]
    if root:
        facts = file_facts(root, pictures.names, step("inspecting files"))
        findings += [
            *_in_sizes(pictures, facts, data),
            *_mixed("mixed_colours", pictures, facts.colours),
            *_mixed("mixed_formats", pictures, facts.formats),
        ]
    else:
        colours = [GRAY if gray else COLOUR for gray in traits.gray]
        findings += _mixed("mixed_colours", pictures, colours)
    if data.folder and root:
        findings += _other_files(stray_files(root), empty_folders(root))
    return Diagnosis(dataset.name, pictures, ()).with_findings(findings)


def _unreadable(dataset: Dataset) -> Iterator[Finding]:
    offenders = [Offender(name, reason) for name, reason in dataset.skipped.items()]
    if offenders:
        yield _finding("unreadable", offenders, "cannot be used as an image")


def _blank(pictures: Pictures, traits: Traits) -> Iterator[Finding]:
    blank = np.flatnonzero(traits.spreads < BLANK).tolist()
    if blank:
        spreads = [traits.spreads[index] for index in blank]
        offenders = [
            Offender(pictures.names[index], f"pixels differ by {spread:.1f} of 255", index)
            for index, spread in zip(blank, spreads, strict=True)
        ]
        yield _finding("blank", offenders, "nearly one colour")


def _copies(pictures: Pictures, traits: Traits) -> Iterator[Finding]:
    """Find copies among the pictures that are not blank; blank ones are all alike."""
    ranks = np.array([_KEPT_FIRST.index(split) for split in pictures.split_names])
    order = np.argsort(ranks[pictures.splits], kind="stable")
    order = order[traits.spreads[order] >= BLANK]
    try:
        groups = find_copies(traits, order)
    except TooAlikeError:
        groups = find_copies(traits, order, exact=True)
        yield Finding("too_alike", len(order), "near duplicates were not searched", ())
    yield from _in_copies(pictures, groups)


def _in_copies(pictures: Pictures, groups: list[Copies]) -> Iterator[Finding]:
    found: dict[str, list[Offender]] = {kind: [] for kind in _ABOUT_COPIES}
    for group in groups:
        same: dict[int, list[int]] = {group.kept: [group.kept]}  # pictures of equal pixels
        for index, first in zip(group.copies.tolist(), group.same_pixels.tolist(), strict=True):
            same.setdefault(index if first < 0 else first, []).append(index)
        compared = [("", "is", members) for members in same.values()]
        compared.append(("near_", "is nearly", list(same)))
        for prefix, like, members in compared:
            for kind, offender in _compare(pictures, members, like):
                found[prefix + kind].append(offender)
    for kind, offenders in found.items():
        if offenders:
            yield _finding(kind, offenders, _ABOUT_COPIES[kind])


def _compare(pictures: Pictures, members: list[int], like: str) -> Iterator[tuple[str, Offender]]:
    """Yield each problem of a picture and its copies, with its kind."""
    first, *copies = members
    name, split = pictures.names[first], pictures.split_of(first)
    for index in copies:
        copy, its_split = pictures.names[index], pictures.split_of(index)
        yield "duplicate", Offender(copy, f"{like} {name}", index, first)
        if its_split != split:
            reason = f"in {its_split}, {like} {name} in {split}"
            yield "leakage", Offender(copy, reason, index, first)
    classes = dict.fromkeys(map(pictures.class_of, members))
    if len(classes) > 1:
        for index in members:
            own = pictures.class_of(index)
            others = " and ".join(name for name in classes if name != own)
            copy_of = None if index == first else first
            reason = f"{own} here, {others} there"
            yield "conflict", Offender(pictures.names[index], reason, index, copy_of)


def in_classes(pictures: Pictures) -> Iterator[Finding]:
    """Find problems in the counts of the classes, without reading pictures."""
    counts = count_classes(pictures)
    names = pictures.class_names
    train, *held_out = counts
    total = int(train.sum())
    shares = [f"{n:,} of {total:,} training examples" for n in train.tolist()]

    def named(classes: NDArray[np.bool_]) -> list[Offender]:
        return [Offender(names[code], shares[code]) for code in np.flatnonzero(classes).tolist()]

    if untrained := named(train == 0):
        yield _finding("untrained_class", untrained, "no training examples")
    unmeasured = [
        Offender(names[code], f"no examples in {split}")
        for split, row in zip(pictures.split_names[1:], held_out, strict=True)
        if row.sum()
        for code in np.flatnonzero(row == 0).tolist()
    ]
    if unmeasured:
        yield _finding("unmeasured_class", unmeasured, "no examples in a validation or test split")
    if tiny := named((train > 0) & (train < FEW)):
        yield _finding("tiny_class", tiny, f"fewer than {FEW} training examples")
    largest = int(train.max())
    if uneven := named((train > 0) & (train * UNEVEN <= largest)):
        most = names[int(train.argmax())]
        yield _finding(
            "imbalance", uneven, f"{most} has {largest:,}, at least {UNEVEN:g} times as many"
        )


def _in_sizes(pictures: Pictures, facts: Facts, data: DataConfig) -> Iterator[Finding]:
    known = np.flatnonzero(facts.sizes.all(axis=1))
    if not len(known):
        return
    sizes = facts.sizes[known]
    texts = [f"{width}x{height}" for width, height in sizes.tolist()]
    height, width, _ = pictures.shape
    enlarged = np.array([width, height]) / sizes  # in each direction
    distorted = np.maximum(enlarged[:, 0] / enlarged[:, 1], enlarged[:, 1] / enlarged[:, 0])

    def named(rows: NDArray[np.intp]) -> list[Offender]:
        return [
            Offender(pictures.names[known[row]], f"{texts[row]} pixels", int(known[row]))
            for row in rows.tolist()
        ]

    if offenders := named(np.flatnonzero(distorted >= UNEVEN)):
        what = {"stretch": "distorted", "crop": "cut", "pad": "padded"}[data.resize.method]
        yield _finding("extreme_shape", offenders, f"{what} to a third of their length or less")
    if offenders := named(np.flatnonzero(enlarged.max(axis=1) >= UNEVEN)):
        yield _finding(
            "enlarged", offenders, f"enlarged {UNEVEN:g} times or more, which blurs them"
        )
    if (sizes.max(axis=0) >= UNEVEN * sizes.min(axis=0)).any():
        by_area = np.argsort(sizes.prod(axis=1), kind="stable")
        small, middle, large = (texts[by_area[at]] for at in (0, len(by_area) // 2, -1))
        sentence = f"from {small} to {large}, median {middle}"
        count = len(set(texts))
        yield Finding("mixed_sizes", count, sentence, tuple(named(by_area[[0, -1]])))


def _mixed(kind: str, pictures: Pictures, values: Iterable[str]) -> Iterator[Finding]:
    """Find the pictures that do not have the most frequent value, a colour or a format."""
    found: dict[str, list[int]] = {}
    for index, value in enumerate(values):
        if value:
            found.setdefault(value, []).append(index)
    if len(found) < 2:
        return
    most = max(found, key=lambda value: len(found[value]))
    offenders = [
        Offender(pictures.names[index], value, index)
        for value, members in sorted(found.items())
        if value != most
        for index in members
    ]
    counts = sorted(((len(members), value) for value, members in found.items()), reverse=True)
    yield _finding(kind, offenders, ", ".join(f"{count:,} {value}" for count, value in counts))


def _other_files(stray: Mapping[str, str], empty: Iterable[str]) -> Iterator[Finding]:
    if offenders := [Offender(name, "contains no image") for name in empty]:
        yield _finding("empty_folder", offenders, "folders without an image, which are not classes")
    if offenders := [Offender(name, reason) for name, reason in stray.items()]:
        yield _finding("stray_file", offenders, "files that are not used as images")


def _finding(kind: str, offenders: list[Offender], sentence: str) -> Finding:
    return Finding(kind, len(offenders), sentence, tuple(offenders))
