"""What is wrong with a data set: findings, how bad each is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
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
from cnnzoo.datasets.check.kinds import ERROR, KINDS, Kind
from cnnzoo.datasets.check.pictures import Pictures, Traits, examine
from cnnzoo.datasets.dataset import Dataset, ImageShape
from cnnzoo.datasets.load import load_dataset

# A picture whose pixels have a smaller standard deviation, of 255, shows nothing. FER2013 has 13
# up to 0.7, a spot of light on black at 4.1, and a face in the dark at 9.
BLANK = 3.0
FEW = 20  # examples of a class to train on
UNEVEN = 3.0  # the largest class to the smallest; also how much an image is distorted or enlarged

# What is kept of several copies, by split: measuring needs examples that no training has seen.
_KEPT_FIRST = ("test", "validation", "train")

_ABOUT_COPIES = {
    "conflict": "the same pixels under several labels",
    "leakage": "the same pixels in another split too",
    "near_conflict": "nearly the same picture under several labels",
    "near_leakage": "nearly the same picture in another split too",
    "duplicate": "the same pixels as another picture",
    "near_duplicate": "another picture, cut, compressed or marked otherwise",
}

Progress = Callable[[str, int, int], None]  # what is done, how many, of how many


@dataclass(frozen=True, slots=True)
class Offender:
    """One thing that a finding is about: an item of the data, a file beside them, or a class.

    `index` is its place among the pictures, where it is one; `copy_of` that of the picture that it
    repeats.
    """

    name: str
    reason: str
    index: int | None = None
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, of one of the KINDS: how many there are, which, in one sentence."""

    kind: str
    count: int
    message: str
    offenders: tuple[Offender, ...]

    @property
    def about(self) -> Kind:
        """How bad it is, and what to do about it."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings of a data set, the worst first, and its pictures."""

    name: str
    pictures: Pictures
    findings: tuple[Finding, ...]

    @property
    def serious(self) -> bool:
        """Whether a finding is an error."""
        return any(finding.about.level == ERROR for finding in self.findings)

    def exclusions(self, kinds: Iterable[str] = ()) -> dict[str, str]:
        """What should be left out, by name, each with the reason.

        That is what was found of these kinds, by default of those that KINDS marks.
        """
        wanted = set(kinds) or {name for name, kind in KINDS.items() if kind.excluded}
        excluded: dict[str, str] = {}
        for finding in self.findings:
            for offender in finding.offenders if finding.kind in wanted else ():
                if offender.index is not None or finding.kind == "unreadable":
                    excluded.setdefault(offender.name, f"{finding.kind}: {offender.reason}")
        return excluded

    def plain(self) -> dict[str, Any]:
        """The findings as JSON values.

        `data`, `image_shape` [height, width, channels], `examples` {split: {class: count}}, and
        `findings`, each `kind`, `level` (error, warning, note), `count`, `message`, `advice` and
        `items`. An item has a `name` and a `reason`; a picture also its `split` and `class`, and a
        copy `copy_of`, the name of the picture that it repeats.
        """
        pictures = self.pictures
        counts = count_classes(pictures).tolist()
        return {
            "data": self.name,
            "image_shape": list(pictures.shape),
            "examples": {
                split: dict(zip(pictures.class_names, row, strict=True))
                for split, row in zip(pictures.split_names, counts, strict=True)
            },
            "findings": [
                {
                    "kind": finding.kind,
                    "level": finding.about.level,
                    "count": finding.count,
                    "message": finding.message,
                    "advice": finding.about.advice,
                    "items": [self._plain_item(offender) for offender in finding.offenders],
                }
                for finding in self.findings
            ],
        }

    def _plain_item(self, offender: Offender) -> dict[str, str]:
        item = {"name": offender.name, "reason": offender.reason}
        if offender.index is not None:
            item["split"] = self.pictures.split_of(offender.index)
            item["class"] = self.pictures.class_of(offender.index)
        if offender.copy_of is not None:
            item["copy_of"] = self.pictures.names[offender.copy_of]
        return item


def check_data(
    data: DataConfig,
    *,
    image_shape: ImageShape,
    on_progress: Progress = lambda what, done, total: None,
) -> Diagnosis:
    """Look for everything of KINDS in the data of a configuration.

    The pictures are those that a training would see: (height, width, channels) as the model takes
    them, in the splits that the section makes, without what it excludes; from the cache, or decoded
    into it. Sizes and colours are those of the files, where there are files.

    Raises DataError where the data are not there.
    """
    told = partial(partial, on_progress)
    readable = data.model_copy(update={"on_error": "skip"})
    dataset = load_dataset(readable, image_shape=image_shape, on_progress=told("decoding"))
    pictures = Pictures(dataset)
    traits = examine(pictures, told("comparing"))
    root = root_of(data, pictures.names)
    findings = [
        *_unreadable(dataset),
        *_copies(pictures, traits),
        *in_classes(pictures),
        *_blank(pictures, traits),
    ]
    if root:
        facts = file_facts(root, pictures.names, told("looking into files"))
        findings += [*_in_sizes(pictures, facts, data), *_mixed_colours(pictures, facts.colours)]
    else:
        colours = [GRAY if gray else COLOUR for gray in traits.gray]
        findings += _mixed_colours(pictures, colours)
    if data.folder and root:
        findings += _beside_images(stray_files(root), empty_folders(root))
    order = list(KINDS)
    findings.sort(key=lambda finding: order.index(finding.kind))
    return Diagnosis(dataset.name, pictures, tuple(findings))


def count_classes(pictures: Pictures) -> NDArray[np.int64]:
    """How many pictures of each class are in each split, int64 [splits, classes]."""
    counts = np.zeros((len(pictures.split_names), len(pictures.class_names)), np.int64)
    np.add.at(counts, (pictures.splits, pictures.labels), 1)
    return counts


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
    """What is wrong with copies of the pictures that show something; blank ones all look alike."""
    ranks = np.array([_KEPT_FIRST.index(split) for split in pictures.split_names])
    order = np.argsort(ranks[pictures.splits], kind="stable")
    order = order[traits.spreads[order] >= BLANK]
    try:
        groups = find_copies(traits, order)
    except TooAlikeError:
        groups = find_copies(traits, order, exact=True)
        yield Finding("too_alike", len(order), "near duplicates were not looked for", ())
    yield from _in_copies(pictures, groups)


def _in_copies(pictures: Pictures, groups: list[Copies]) -> Iterator[Finding]:
    found: dict[str, list[Offender]] = {kind: [] for kind in _ABOUT_COPIES}
    for group in groups:
        same: dict[int, list[int]] = {group.kept: [group.kept]}  # pictures of equal pixels
        for index, twin in zip(group.copies.tolist(), group.twins.tolist(), strict=True):
            same.setdefault(index if twin < 0 else twin, []).append(index)
        compared = [("", "is", members) for members in same.values()]
        compared.append(("near_", "is nearly", list(same)))
        for prefix, like, members in compared:
            for kind, offender in _compare(pictures, members, like):
                found[prefix + kind].append(offender)
    for kind, offenders in found.items():
        if offenders:
            yield _finding(kind, offenders, _ABOUT_COPIES[kind])


def _compare(pictures: Pictures, members: list[int], like: str) -> Iterator[tuple[str, Offender]]:
    """What is wrong with a picture and its copies, each with its kind."""
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
    """What is wrong with the counts of the classes; no picture is read for it."""
    counts = count_classes(pictures)
    names = pictures.class_names
    train, *held_out = counts
    total = int(train.sum())
    shares = [f"{n:,} of {total:,} examples to train on" for n in train.tolist()]

    def named(classes: NDArray[np.bool_]) -> list[Offender]:
        return [Offender(names[code], shares[code]) for code in np.flatnonzero(classes).tolist()]

    if untrained := named(train == 0):
        yield _finding("untrained_class", untrained, "no examples to train on")
    unmeasured = [
        Offender(names[code], f"no examples in {split}")
        for split, row in zip(pictures.split_names[1:], held_out, strict=True)
        if row.sum()
        for code in np.flatnonzero(row == 0).tolist()
    ]
    if unmeasured:
        yield _finding("unmeasured_class", unmeasured, "no examples in a split that measures")
    if tiny := named((train > 0) & (train < FEW)):
        yield _finding("tiny_class", tiny, f"fewer than {FEW} examples to train on")
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
        yield _finding("extreme_shape", offenders, f"{what} to a third of their length, or less")
    if offenders := named(np.flatnonzero(enlarged.max(axis=1) >= UNEVEN)):
        yield _finding("enlarged", offenders, f"enlarged {UNEVEN:g} times or more, and blurred")
    if (sizes.max(axis=0) >= UNEVEN * sizes.min(axis=0)).any():
        by_area = np.argsort(sizes.prod(axis=1), kind="stable")
        small, middle, large = (texts[by_area[at]] for at in (0, len(by_area) // 2, -1))
        sentence = f"from {small} over {middle} (median) to {large}"
        count = len(set(texts))
        yield Finding("mixed_sizes", count, sentence, tuple(named(by_area[[0, -1]])))


def _mixed_colours(pictures: Pictures, colours: Iterable[str]) -> Iterator[Finding]:
    found: dict[str, list[int]] = {}
    for index, colour in enumerate(colours):
        if colour:
            found.setdefault(colour, []).append(index)
    if len(found) < 2:
        return
    most = max(found, key=lambda colour: len(found[colour]))
    offenders = [
        Offender(pictures.names[index], colour, index)
        for colour, members in sorted(found.items())
        if colour != most
        for index in members
    ]
    counts = sorted(((len(members), colour) for colour, members in found.items()), reverse=True)
    sentence = ", ".join(f"{count:,} {colour}" for count, colour in counts)
    yield _finding("mixed_colours", offenders, sentence)


def _beside_images(stray: Mapping[str, str], empty: Iterable[str]) -> Iterator[Finding]:
    if offenders := [Offender(name, "no image below it") for name in empty]:
        yield _finding("empty_folder", offenders, "without an image: no class, to a training")
    if offenders := [Offender(name, reason) for name, reason in stray.items()]:
        yield _finding("stray_file", offenders, "not taken for an image")


def _finding(kind: str, offenders: list[Offender], sentence: str) -> Finding:
    return Finding(kind, len(offenders), sentence, tuple(offenders))
