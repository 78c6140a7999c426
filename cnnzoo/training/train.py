"""Train a configuration: create the run, run the epochs, and record how the training ended."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Dataset
from cnnzoo.errors import DivergedError, OutputError
from cnnzoo.models.backend import load_keras
from cnnzoo.runs.environment import config_hash, machine, versions
from cnnzoo.runs.run import FAILED, FINISHED, INTERRUPTED, RUNNING, Run, create_run, timestamp
from cnnzoo.training.devices import ALL, all_processes, is_first_process
from cnnzoo.training.engine.batches import Batches, ordered_batches, training_batches
from cnnzoo.training.engine.checkpoint import Arrays, State, keep_newest
from cnnzoo.training.engine.seeding import fix_seed
from cnnzoo.training.failures import interruption_error, training_error
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.interrupt import StopRequest, stop_on_signals
from cnnzoo.training.job import Job, prepare
from cnnzoo.training.loggers.loggers import Loggers, open_loggers
from cnnzoo.training.progress import Display, EndsAfter


def train(
    config: Config,
    runs_dir: Path | str = "runs",
    *,
    device: str = "auto",
    display: Display | None = None,
    command: Sequence[str] = (),
) -> Run:
    """Train a configuration and return its run, `runs_dir/<config.name>/<n>`.

    However the training ends, the run directory records it, and `resume` continues it to the same
    result. Two calls with one configuration on one machine give the same weights to the last bit.

    Raises:
        ConfigError, DataError, DeviceError, RunError: before anything is trained.
        TrainingError: the training started and failed.
        Interrupted: it was stopped; a KeyboardInterrupt too.

    """
    with all_processes(config, device, display=display) as scratch:
        if scratch:
            runs_dir, display = scratch, None
        job = prepare(config, device=device, display=display)
        return train_job(job, runs_dir, display=display, command=command)


def train_job(
    job: Job,
    runs_dir: Path | str = "runs",
    *,
    display: Display | None = None,
    command: Sequence[str] = (),
    number: int | None = None,
    ends_after: EndsAfter | None = None,
    stop_request: StopRequest | None = None,
) -> Run:
    """Train a prepared job in a new run and return the run; raises what `train` raises.

    The run has the next free number, or `number`. `ends_after` may end the training after an epoch;
    `stop_request` is that of `run_job`.
    """
    display = display or Display()
    loggers = open_loggers(job.config, display.note)
    run = create_run(runs_dir, job.config, number)
    with run.training():
        record_start(run, job, command)
        run_job(run, job, loggers, display, ends_after=ends_after, stop_request=stop_request)
    return run


def record_start(run: Run, job: Job, command: Sequence[str]) -> None:
    """Write the configuration and the record of a run whose training starts now."""
    run.write_config(job.config)
    run.update(
        status=RUNNING,
        started=timestamp(),
        class_names=list(job.dataset.class_names),
        seed=job.config.seed,
        config_hash=config_hash(job.config),
        settings=job.settings.record(),
        command=shlex.join(command),
        data=_data_record(job.dataset),
        versions=versions(),
        machine=machine(load_keras()),
    )


def run_job(
    run: Run,
    job: Job,
    loggers: Loggers,
    display: Display,
    state: State | None = None,
    values: Arrays | None = None,
    ends_after: EndsAfter | None = None,
    stop_request: StopRequest | None = None,
) -> None:
    """Train a job in its run until it ends, and record how it ended.

    `state` and `values`, those of the variables, are of the checkpoint to continue from; None
    starts the training. The caller holds `run.training()`, and may set the signal of
    `stop_request`, as Ctrl-C and SIGTERM do.
    """
    state = state or State()
    devices = find_hardware().devices if job.config.training.devices == ALL else 1
    batches = training_batches(job), ordered_batches(job.dataset.splits["validation"], devices)
    with stop_on_signals(stop_request) as request:
        try:
            loggers.start(run, state.rows)
            _run_epochs(run, job, batches, loggers, display, request, state, values, ends_after)
            _record_end(run, loggers, FINISHED, state)
            keep_newest(run.checkpoints_path)
        except (KeyboardInterrupt, BrokenPipeError, OutputError) as stop:
            with suppress(Exception):
                _record_end(run, loggers, INTERRUPTED, state)
            if isinstance(stop, BrokenPipeError | OutputError):
                raise  # nobody reads the output, or its disk is full
            raise interruption_error(run, request.signal == signal.SIGTERM) from stop
        except Exception as error:
            # Report the first failure, even if its status cannot be written either.
            with suppress(Exception):
                _record_end(run, loggers, FAILED, state)
            failure = training_error(error, run, job.settings.batch_size, batches)
            raise failure from (None if failure is error else error)
        finally:
            display.stop()


def _run_epochs(
    run: Run,
    job: Job,
    batches: tuple[Batches, Batches],
    loggers: Loggers,
    display: Display,
    request: StopRequest,
    state: State,
    values: Arrays | None,
    ends_after: EndsAfter | None,
) -> None:
    """Build the model and run the training loop; raises DivergedError if no model was saved."""
    started = time.perf_counter() - job.seconds
    from cnnzoo.training.engine.features import with_features
    from cnnzoo.training.engine.loop import Loop
    from cnnzoo.training.engine.placement import data_parallel
    from cnnzoo.training.engine.training_model import make_training_model

    with data_parallel(job.config.training):
        fix_seed(load_keras(), job.config.seed)
        training_model = make_training_model(
            job, len(batches[0]), pretrained=values is None, cache=True
        )
        if training_model.report:
            run.update(init_from=training_model.report.record())
            for line in training_model.report.lines():
                display.note(line)
        if training_model.frozen:
            display.note(training_model.frozen)
        if training_model.cached:
            display.note(training_model.cached)
        if training_model.base is not None:
            train, validation = (
                with_features(training_model.base, each, values, request.check) for each in batches
            )
            batches = train, validation
        loop = Loop(
            run=run,
            job=job,
            training_model=training_model,
            batches=batches,
            state=state,
            display=display,
            loggers=loggers,
            stop_request=request,
            started=started,
            ends_after=ends_after,
        )
        loop.start(values)
        loop.run()
    if is_first_process() and not run.model_path.exists():
        raise DivergedError(
            f"{job.config.training.monitor} was never finite, so no model was saved",
            hint=f"see {run.history_path}; try a learning rate ten times smaller",
        )


def _record_end(run: Run, loggers: Loggers, status: str, state: State) -> None:
    run.update(status=status, epochs=len(state.rows), seconds=round(state.seconds, 3))
    loggers.end(status)


def _data_record(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "examples": {split: len(examples) for split, examples in dataset.splits.items()},
        "skipped": {"count": len(dataset.skipped), "reasons": dict(dataset.skipped)},
        "notes": list(dataset.notes),
        "pixel_range": dataset.file_range,
    }
