"""A conversion in its own process.

Keras converts on TensorFlow, whatever backend this process uses; and a converter that crashes, or
needs more memory than there is, ends only its own process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnnzoo.errors import CnnzooError, UserError
from cnnzoo.exporting.job import Job
from cnnzoo.text import shorten

_ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_JOB = "job.json"
_FAILURE = "failure.json"
_LOG = "log.txt"


@contextmanager
def converting(job: Job, scratch: Path) -> Iterator[Callable[[], None]]:
    """Start a conversion; within, call the function to wait for its end.

    The process is stopped on exit. The function raises UserError for a network that cannot be
    converted, or a file that cannot be written, and CnnzooError if the process was killed.
    """
    (scratch / _JOB).write_text(json.dumps(job.plain()), encoding="utf-8")
    with (scratch / _LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(scratch)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, **_ENVIRONMENT, "TMPDIR": str(scratch.resolve())},
        )
    try:
        yield lambda: _wait(process, scratch)
    finally:
        process.kill()
        process.communicate()


def _wait(process: subprocess.Popen[bytes], scratch: Path) -> None:
    code = process.wait()
    if not code:
        return
    failure = scratch / _FAILURE
    if failure.is_file() and failure.stat().st_size:
        message, hint = json.loads(failure.read_text(encoding="utf-8"))
        raise UserError(message, hint=hint)
    if code < 0:
        raise CnnzooError(
            f"the conversion was killed by signal {-code}",
            hint="signal 9 is often sent by a system that has too little memory; converting to "
            "onnx takes many times the size of the weights, and litert less"
            if code == -9
            else None,
        )
    last = (scratch / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    reason = shorten(last[-1], 300) if last else "it could not write why; the disk may be full"
    raise CnnzooError(f"the conversion failed: {reason}")


def _convert(scratch: Path) -> None:
    from cnnzoo.exporting.convert import convert
    from cnnzoo.models.saved import load_model

    _be_killed_first()
    job = Job.of(json.loads((scratch / _JOB).read_text(encoding="utf-8")))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        trust = _trust if job.trust else None  # the parent printed what it trusts
        convert(load_model(job.model, trust=trust), job)
    except CnnzooError as error:
        first = error.mistakes[0]
        _fail(scratch, first.message, first.hint)
    except OSError as error:
        _fail(
            scratch,
            f"{job.target.name} cannot be written: {error.strerror or error}",
            "free some space, or name another file with --output",
        )


def _be_killed_first() -> None:
    """Ask Linux to end this process, not a program of the user, if memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _trust(refusal: str) -> None:
    """Accept a class that is not in the catalogue."""


def _end_with_parent() -> None:
    os.read(0, 1)  # the other end of standard input closes when the parent ends, even if killed
    os._exit(1)


def _fail(scratch: Path, message: str, hint: str | None) -> None:
    with suppress(OSError):
        (scratch / _FAILURE).write_text(json.dumps([message, hint]), encoding="utf-8")
    raise SystemExit(1)


if __name__ == "__main__":
    _convert(Path(sys.argv[1]))
