"""Match a regular expression of a configuration against names, within a time limit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from cnnzoo.config.data import DataConfig
from cnnzoo.errors import DataError
from cnnzoo.text import nfc, shorten

MATCH_SECONDS = 30


def matched_names(names: Sequence[str], data: DataConfig, key: str, group: str) -> list[str]:
    """Return what the pattern in the key of `data` matches in each name; "" for nothing.

    That is the group of that name in the pattern, or else its first group, or else the whole match.
    Matching can take exponential time and cannot be interrupted, so a separate process does it.
    After MATCH_SECONDS that process is killed, and DataError is raised. Names and pattern are
    compared in NFC.
    """
    pattern: str = getattr(data, key)
    asked = json.dumps([nfc(pattern), group, [*map(nfc, names)]])
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _MATCH],
            input=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=MATCH_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise DataError(
            f"data.{key} {shorten(pattern)!r} takes more than {MATCH_SECONDS} s for "
            f"{len(names):,} file names",
            place=data.place(key),
            hint="repeat nothing that is itself repeated, as (a+)+ does",
        ) from None
    except subprocess.CalledProcessError:
        raise DataError(
            f"data.{key} {shorten(pattern)!r} cannot be matched: it is too large or too deep",
            place=data.place(key),
            hint="write a shorter pattern",
        ) from None
    found: list[str] = json.loads(done.stdout)
    return [nfc(text) for text in found]


_MATCH = """
import json, re, sys
pattern, group, names = json.load(sys.stdin)
compiled = re.compile(pattern)
which = group if group in compiled.groupindex else min(compiled.groups, 1)
json.dump([(match and match[which]) or "" for match in map(compiled.search, names)], sys.stdout)
"""
