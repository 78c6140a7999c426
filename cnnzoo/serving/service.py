"""The running models of a server, by name; the state that requests share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from cnnzoo import limits
from cnnzoo.datasets.images.workers import MAX_WORKERS, available_cores
from cnnzoo.errors import did_you_mean
from cnnzoo.serving.bodies import Bodies
from cnnzoo.serving.inference import InferenceThread
from cnnzoo.serving.metrics import Metrics
from cnnzoo.serving.problems import RequestError
from cnnzoo.serving.served import LoadedModel
from cnnzoo.text import listed

OTHERS = 2  # decoding threads that a single request cannot occupy
STOP_SECONDS = 10.0  # for the last computation of a model


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A loaded model, its entry in `GET /models`, and its inference thread."""

    name: str
    loaded: LoadedModel
    description: Mapping[str, Any]
    thread: InferenceThread

    @property
    def identity(self) -> dict[str, str]:
        """The name and identity that answers contain."""
        return {"name": self.name, "identity": self.loaded.identity}


class Service:
    """The models of a server, decoding threads, limits and metrics.

    `at_once` is the number of images of one request that are decoded at the same time.
    """

    def __init__(self, models: Mapping[str, LoadedModel]) -> None:
        self.loaded = dict(models)
        self.running: dict[str, RunningModel] = {}
        self.warmed: set[str] = set()
        self.metrics = Metrics()
        self.bodies = Bodies()
        self.at_once = min(available_cores(), MAX_WORKERS)
        self.decoders = ThreadPoolExecutor(self.at_once + OTHERS, thread_name_prefix="decode")

    @property
    def is_ready(self) -> bool:
        """True after the first prediction of each model."""
        return self.warmed >= set(self.loaded)

    async def start(self) -> None:
        """Start the inference threads, and warm each model up."""
        for name, loaded in self.loaded.items():
            self.running[name] = self._run(name, loaded)
        for name, model in self.running.items():
            await model.thread.warm_up()
            self.warmed.add(name)

    async def replace(self, name: str, loaded: LoadedModel) -> None:
        """Serve another model by this name; requests in progress finish with the old one."""
        new = self._run(name, loaded)
        await new.thread.warm_up()
        old, self.running[name] = self.running[name], new
        self.loaded[name] = loaded
        old.thread.close()

    async def stop(self) -> None:
        """End all threads after the requests in progress."""
        for model in self.running.values():
            model.thread.close()
        for model in self.running.values():
            await model.thread.ended(STOP_SECONDS)
        self.decoders.shutdown(wait=False, cancel_futures=True)

    def choose(self, name: str | None) -> RunningModel:
        """Return the model of this name, the first one without a name.

        Raises RequestError 404 for an unknown name.
        """
        if name is None:
            return next(iter(self.running.values()))
        if name not in self.running:
            raise RequestError(
                404,
                f"there is no model {name[:100]!r}{did_you_mean(name[:100], self.running)}",
                f"the models are {listed(self.running)}",
            )
        return self.running[name]

    async def decode(self, function: Any, *arguments: Any) -> Any:
        """Return the result of a function that a decoding thread calls."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.decoders, function, *arguments)

    def _run(self, name: str, loaded: LoadedModel) -> RunningModel:
        thread = InferenceThread(
            loaded.classifier, limits.WAITING_IMAGES, self.metrics.batch_observer(name)
        )
        return RunningModel(name, loaded, loaded.described(name), thread)
