"""Replace a model that is served when its file changes: `--reload`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from cnnzoo.errors import CnnzooError
from cnnzoo.models.objects import first_line
from cnnzoo.runs.run import Run
from cnnzoo.serving.gate import Log
from cnnzoo.serving.served import LoadedModel
from cnnzoo.serving.service import Service

POLL_SECONDS = 2.0

Load = Callable[[Run | Path], LoadedModel]
_Stamp = tuple[tuple[int, int, int], ...]


async def reload_changed(service: Service, load: Load, log: Log) -> None:
    """Load each model again whose file or metrics change, until this task is cancelled.

    A model that cannot be loaded does not replace the one that is served.
    """
    stamps = {name: _stamp(loaded.source) for name, loaded in service.loaded.items()}
    while True:
        await asyncio.sleep(POLL_SECONDS)
        for name, loaded in list(service.loaded.items()):
            stamp = await asyncio.to_thread(_stamp, loaded.source)
            if not stamp or stamp == stamps[name]:
                continue
            stamps[name] = stamp
            try:
                await service.replace(name, await asyncio.to_thread(load, loaded.source))
                log({"event": "reloaded", "model": name, "identity": service.loaded[name].identity})
            except CnnzooError as error:
                log({"event": "not reloaded", "model": name, "error": first_line(error)})


def _stamp(source: Run | Path) -> _Stamp:
    """Return what changes with the content of the files of a model; empty without its file."""
    if isinstance(source, Run):
        paths = [source.model_path, source.metrics_path("test"), source.metrics_path("validation")]
    else:
        paths = [source]
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            if path is paths[0]:
                return ()
            found.append((0, 0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)
