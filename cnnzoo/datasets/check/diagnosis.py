"""The result of a data check: findings, each with the items that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cnnzoo.datasets.check.kinds import ERROR, KINDS, Kind
from cnnzoo.datasets.check.pictures import Pictures, count_classes


@dataclass(frozen=True, slots=True)
class Offender:
    """An item that a finding is about: an item of the data, another file, a folder, or a class.

    `index` is its index among the pictures, if it is one; `copy_of` the index of the picture that
    it repeats; `suggested` the class that it probably has instead of its own.
    """

    name: str
    reason: str
    index: int | None = None
    copy_of: int | None = None
    suggested: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One of the KINDS of problems: how many items have it, and which; `message` describes it."""

    kind: str
    count: int
    message: str
    offenders: tuple[Offender, ...]

    @property
    def about(self) -> Kind:
        """The level of the problem, and the advice."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings of a data set, the worst first, and its pictures."""

    name: str
    pictures: Pictures
    findings: tuple[Finding, ...]

    @property
    def serious(self) -> bool:
        """True if a finding is an error."""
        return any(finding.about.level == ERROR for finding in self.findings)

    def with_findings(self, findings: Iterable[Finding]) -> Diagnosis:
        """Return the diagnosis with more findings, in the order of KINDS."""
        order = list(KINDS)
        both = [*self.findings, *findings]
        both.sort(key=lambda finding: order.index(finding.kind))
        return Diagnosis(self.name, self.pictures, tuple(both))

    def exclusions(self, kinds: Iterable[str] = ()) -> dict[str, str]:
        """Return the items to exclude, name → reason.

        These are the items of the given kinds, or else of the kinds that KINDS marks.
        """
        wanted = set(kinds) or {name for name, kind in KINDS.items() if kind.excluded}
        excluded: dict[str, str] = {}
        for finding in self.findings:
            for offender in finding.offenders if finding.kind in wanted else ():
                if offender.index is not None or finding.kind == "unreadable":
                    excluded.setdefault(offender.name, f"{finding.kind}: {offender.reason}")
        return excluded

    def plain(self) -> dict[str, Any]:
        """Return the findings as JSON values.

        `data`, `image_shape` [height, width, channels], `examples` {split: {class: count}}, and
        `findings`, each `kind`, `level` (error, warning, note), `count`, `message`, `advice` and
        `items`. An item has a `name` and a `reason`; a picture also its `split` and `class`, and a
        copy `copy_of`, the name of the picture that it repeats, and a probably wrong label the
        `suggested` class.
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
        if offender.suggested is not None:
            item["suggested"] = offender.suggested
        return item
