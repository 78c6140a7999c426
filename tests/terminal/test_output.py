from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cnnzoo.errors import UserError
from cnnzoo.terminal.output import refuse_existing


def printed(code: str, encoding: str) -> bytes:
    program = f"from cnnzoo.terminal import output, streams\nstreams.prepare_streams()\n{code}"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=environment
    ).stdout


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", b"a -> b...\\xfc \\u732b"), ("cp1252", b"a -> b\x85\xfc \\u732b")],
)
def test_a_character_that_an_encoding_lacks_is_replaced(encoding, expected):
    assert printed("print('a → b…ü 猫', end='')", encoding) == expected


def test_data_are_utf_8_in_any_encoding_and_in_order():
    code = "print('first')\noutput.print_data('{\"ü\": \"猫\"}')\nprint('→')"
    assert printed(code, "ascii") == 'first\n{"ü": "猫"}->\n'.encode()


def test_a_file_name_that_is_not_unicode_is_escaped():
    assert printed(r"output.print_data('a\udcff')", "utf-8") == rb"a\udcff"


def test_an_existing_file_is_refused_without_force(tmp_path):
    refuse_existing(None)
    refuse_existing(tmp_path / "none")
    (tmp_path / "file").touch()
    refuse_existing(tmp_path / "file", force=True)
    with pytest.raises(UserError, match="already exists"):
        refuse_existing(tmp_path / "file")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UserError, match="already exists"):
        refuse_existing(tmp_path / "link")
