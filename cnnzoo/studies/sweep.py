"""Run a sweep: take one trial after the other until all have ended, alone or with others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from cnnzoo.config.located import Map
from cnnzoo.config.overrides import apply_override
from cnnzoo.config.schema import Config
from cnnzoo.config.sweep import SweepConfig
from cnnzoo.config.writer import to_yaml
from cnnzoo.errors import CnnzooError, Interrupted, RunError
from cnnzoo.runs.files import write_text
from cnnzoo.studies.objectives import objectives_of
from cnnzoo.studies.progress import SweepDisplay
from cnnzoo.studies.sweep_check import check_sweep
from cnnzoo.studies.sweep_directory import (
    SweepDirectory,
    create_directory,
    plain_config,
    shared_settings,
)
from cnnzoo.studies.sweep_results import SweepRecord, read_record, write_record
from cnnzoo.studies.sweep_search import Search
from cnnzoo.studies.sweep_storage import open_storage, shown_url
from cnnzoo.studies.sweep_study import SweepStudy, TakenOverError
from cnnzoo.studies.sweep_trial import TrialTask, train_trial
from cnnzoo.studies.sweep_winner import measure_winner
from cnnzoo.training.interrupt import StopRequest

TIMEOUT = 120.0  # seconds of silence after which a trial is taken over
_POLL = 2.0  # seconds between looks at the trials of other processes


def start_sweep(raw: Map, sweeps_dir: Path | str) -> SweepDirectory:
    """Create the directory of a sweep, or join the one that was started with the same values.

    Raises ConfigError for mistakes, and RunError if a sweep of that name has other values.
    """
    config = check_sweep(raw)
    directory = create_directory(Path(sweeps_dir) / config.name, raw)
    present = plain_config(directory.raw())
    if shared_settings(present) != shared_settings(plain_config(raw)):
        raise RunError(
            f"{directory} was started with other values, see {directory.config_path}",
            hint="give this sweep another name: --name NAME",
        )
    return directory


def extend_sweep(directory: SweepDirectory, overrides: Sequence[str]) -> None:
    """Change the trials or the time of a sweep; raises RunError for any other setting."""
    raw = directory.raw()
    before = plain_config(raw)
    for override in overrides:
        apply_override(raw, override)
    after = plain_config(raw)
    if shared_settings(before) != shared_settings(after):
        raise RunError(
            f"{directory} was started with other values",
            hint="only sweep.trials and sweep.time can change; start another sweep with --name",
        )
    if before != after:
        write_text(directory.config_path, to_yaml(after))


def run_sweep(
    directory: SweepDirectory,
    *,
    storage: str | None = None,
    timeout: float = TIMEOUT,
    device: str = "auto",
    display: SweepDisplay | None = None,
    command: Sequence[str] = (),
) -> SweepRecord:
    """Train trials until all have ended, then measure the best one on the test split.

    Several processes may do that at once. A trial whose process died continues where it was.

    Raises:
        Interrupted: a stop was requested; the current trial is given back.
        UserError: the storage cannot be used, or is not the one that the sweep was started with.

    """
    display = display or SweepDisplay()
    study = open_study(directory, storage, timeout)
    train_trials(study, storage, device=device, display=display, command=command)
    return finish_sweep(study, storage, display)


def open_study(
    directory: SweepDirectory, storage: str | None = None, timeout: float = TIMEOUT
) -> SweepStudy:
    """Return the study of a sweep, which is created if it is new; raises like `run_sweep`."""
    config = check_sweep(directory.raw())
    assert config.sweep is not None
    url = shown_url(storage)
    if directory.results_path.exists() and (known := read_record(directory).storage) != url:
        raise RunError(
            f"the trials of {directory} are in {known or 'its directory'}, not in "
            f"{url or 'its directory'}",
            hint="give the same --storage" if known else "omit --storage",
        )
    return SweepStudy(
        directory, open_storage(directory, storage), search_of(config), config.sweep, timeout
    )


def train_trials(
    study: SweepStudy,
    storage: str | None,
    *,
    device: str,
    display: SweepDisplay,
    command: Sequence[str],
    stop_request: StopRequest | None = None,
) -> None:
    """Train trials until all have ended, also those of other processes.

    The signal of `stop_request` stops the training, as Ctrl-C and SIGTERM do; between trainings,
    KeyboardInterrupt is raised.
    """
    raw, sweep, url = study.directory.raw(), study.directory.sweep(), shown_url(storage)
    stop_request = stop_request or StopRequest()
    waiting = False
    with study.working():
        while (number := study.next_trial()) is not None:
            if number == "wait":
                if not waiting:
                    display.wait()
                waiting = True
                time.sleep(_POLL)
                stop_request.check()
                continue
            waiting = False
            _train(study, number, raw, sweep, device, display, command, stop_request)
            write_results(study, url)
            stop_request.check()


def finish_sweep(study: SweepStudy, storage: str | None, display: SweepDisplay) -> SweepRecord:
    """Write the results, measure the best trial on the test split, and return the results."""
    record = write_results(study, shown_url(storage))
    measure_winner(study.directory, record, display)
    return record


def search_of(config: Config) -> Search:
    """Return what the choice of the next trial depends on."""
    sweep = config.sweep
    assert sweep is not None
    return Search(
        name=config.name,
        domains=sweep.parameters,
        sampler=sweep.sampler,
        pruner=sweep.pruner,
        minimize=tuple(each.minimize for each in objectives_of(sweep.objective)),
        epochs=config.training.epochs,
        seed=config.seed,
    )


def write_results(study: SweepStudy, url: str) -> SweepRecord:
    """Write `trials.json` from the storage, and return it."""
    with FileLock(study.directory.path / ".trials.lock"):
        record = SweepRecord(storage=url, trials=study.results())
        write_record(study.directory, record)
    return record


def _train(
    study: SweepStudy,
    number: int,
    raw: Map,
    sweep: SweepConfig,
    device: str,
    display: SweepDisplay,
    command: Sequence[str],
    stop_request: StopRequest,
) -> None:
    """Train the trial that this process has taken, and record how it ended."""
    directory = study.directory
    task = TrialTask(
        raw=raw,
        sweep=sweep,
        number=number + 1,
        settings=study.settings(number),
        runs=directory.runs(number + 1, sweep.seeds),
        prunes=lambda values: study.prunes(number, values),
        deaths=study.deaths(number),
        stop_request=stop_request,
    )
    display.start(number + 1, study.planned(), task.settings)
    try:
        result = train_trial(task, device=device, display=display.training(), command=command)
        study.end(result)
    except TakenOverError as error:
        display.note(str(error))
        return
    except Interrupted as stop:
        study.release()
        hint = f"continue: cnnzoo sweep --resume {directory}"
        raise type(stop)(f"interrupted; the sweep so far is in {directory}", hint=hint) from stop
    except (CnnzooError, KeyboardInterrupt):  # the latter before or after the training itself
        study.release()
        raise
    display.end(result)
