from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from exported_models import contract

from cnnzoo.errors import CnnzooError, UserError
from cnnzoo.exporting.job import Job
from cnnzoo.exporting.process import converting


@pytest.fixture
def conversion(tmp_path, monkeypatch):
    """Replaces the process of the conversion by a program in Python; the job is nothing real."""

    def replace(program: str) -> Job:
        script = tmp_path / "conversion"
        script.write_text(f"#!{sys.executable}\n{program}\n")
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
        return Job(Path("model.keras"), tmp_path / "model.onnx", "onnx", contract())

    return replace


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        (
            "import pathlib, sys\n"
            "pathlib.Path(sys.argv[3], 'failure.json').write_text('[\"no operator\", null]')\n"
            "sys.exit(1)",
            UserError,
            "no operator",
        ),
        ("import sys; sys.exit('ImportError: b')", CnnzooError, "failed: ImportError: b"),
        ("import sys; sys.exit(1)", CnnzooError, "the disk may be full"),
        ("import os; os.kill(os.getpid(), 9)", CnnzooError, "killed by signal 9"),
    ],
)
def test_the_reason_of_a_failure_is_told(program, error, message, conversion, tmp_path):
    job = conversion(program)
    with pytest.raises(error, match=message), converting(job, tmp_path) as wait:
        wait()


def test_temporary_files_are_in_the_scratch_directory(conversion, tmp_path):
    job = conversion("import os, tempfile; os.chdir(tempfile.mkdtemp())")
    with converting(job, tmp_path) as wait:
        wait()
    assert [path for path in tmp_path.iterdir() if path.is_dir()]


PARENT = """
import sys, threading, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from exported_models import contract
from cnnzoo.exporting.job import Job
from cnnzoo.exporting.process import converting

sys.executable = {conversion!r}
scratch = Path({scratch!r})
with converting(Job(scratch, scratch / "model.onnx", "onnx", contract()), scratch):
    time.sleep(100)
"""
CHILD = """
import os, pathlib, threading, time
from cnnzoo.exporting.process import _end_with_parent

threading.Thread(target=_end_with_parent, daemon=True).start()
pathlib.Path("child").write_text(str(os.getpid()))
time.sleep(100)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_conversion_ends_with_its_parent(number, conversion, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    python = sys.executable
    conversion(CHILD)
    text = PARENT.format(
        tests=str(Path(__file__).parents[1]), conversion=sys.executable, scratch=str(tmp_path)
    )
    parent = subprocess.Popen([python, "-c", text], stderr=subprocess.DEVNULL)
    try:
        child = int(read_when_written(tmp_path / "child"))
        parent.send_signal(number)
        parent.wait(60)
        for _ in range(600):
            if not is_running(child):
                return
            time.sleep(0.1)
        pytest.fail("the conversion goes on without its parent")
    finally:
        parent.kill()
        parent.wait()


def read_when_written(path: Path) -> str:
    for _ in range(1200):
        if path.is_file() and (text := path.read_text()):
            return text
        time.sleep(0.1)
    raise AssertionError(f"{path} was not written")


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.is_file() or status.read_text().rpartition(")")[2].split()[0] != "Z"
