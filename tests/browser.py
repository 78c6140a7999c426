"""Chromium without a window, by the DevTools protocol over a pipe: no driver, no other package."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_QUIET = (
    "--headless",
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Page:
    """One page: what it is asked, and the events that it sent."""

    def __init__(self, requests: Any, answers: Any) -> None:
        self._requests, self._answers = requests, answers
        self._numbers = itertools.count(1)
        self._session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> Any:
        """The answer to a command of the protocol."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters, **self._session}
        self._requests.write(json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def open(self, address: Path | str) -> None:
        """Load a file or an address, and all that belongs to it."""
        url = address if isinstance(address, str) else address.as_uri()
        self.events = [event for event in self.events if event["method"] != "Page.loadEventFired"]
        self.ask("Page.navigate", url=url)
        while not self.sent("Page.loadEventFired"):
            self.events.append(self._read())

    def run(self, script: str) -> Any:
        """What an expression of JavaScript gives, a promise's result too."""
        answer = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression of JavaScript is true."""
        self.run(
            f"new Promise((done, fail) => {{ const look = () => ({condition}) ? done() : "
            f"performance.now() > end ? fail(Error({json.dumps(condition)})) "
            f": setTimeout(look, 20); const end = performance.now() + {1000 * seconds}; look(); }})"
        )

    def press(self, key: str, text: str = "") -> None:
        """Press and release a key; `text` is what it types."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text)

    def serious_violations(self) -> list[Any]:
        """The serious violations that axe finds: impact, rule, the first element."""
        found = importlib.util.find_spec("axe_core_python")
        if found is None or not found.submodule_search_locations:
            pytest.skip("axe-core-python is not installed: pip install 'cnnzoo[test]'")
        axe = Path(found.submodule_search_locations[0]) / "axe.min.js"
        self.run(axe.read_text(encoding="utf-8") + "; 0")
        violations = self.run(
            "axe.run().then(r => r.violations.map(v => [v.impact, v.id, v.nodes[0].html]))"
        )
        return [each for each in violations if each[0] in ("serious", "critical")]

    def show_at(self, width: int, scheme: str = "light") -> None:
        """Make it so many pixels wide, for somebody who prefers light or dark."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media="", features=features)

    def sent(self, *methods: str) -> list[dict[str, Any]]:
        """The parameters of the events of these names, so far."""
        return [event["params"] for event in self.events if event.get("method") in methods]

    def _read(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            data += byte
        message: dict[str, Any] = json.loads(data)
        return message


@contextmanager
def chromium(folder: Path, *more: str) -> Iterator[Page]:
    """A new page of a browser that has its profile in an empty folder, with more options."""
    assert CHROMIUM
    commands_out, commands_in = os.pipe()
    answers_out, answers_in = os.pipe()
    # Chromium reads commands from file descriptor 3 and answers on 4.
    line = f'exec "$0" "$@" 3<&{commands_out} 4>&{answers_in}'
    options = [*_QUIET, *more, f"--user-data-dir={folder}", "--remote-debugging-pipe"]
    process = subprocess.Popen(
        ["/bin/bash", "-c", line, CHROMIUM, *options],
        pass_fds=(commands_out, answers_in),
        stderr=subprocess.DEVNULL,
    )
    os.close(commands_out)
    os.close(answers_in)
    try:
        with (
            os.fdopen(commands_in, "wb", buffering=0) as requests,
            os.fdopen(answers_out, "rb") as answers,
        ):
            yield Page(requests, answers)
    finally:
        process.terminate()
        process.wait(30)
