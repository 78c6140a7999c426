"""The trials of a sweep in its shared storage: who trains which one, and what came out.

Every process that works on the study holds a lock on a file of its own, which the system frees when
it dies, and increases a number in each trial that it trains. A running trial is taken over if its
process has died on this machine, or if its number has not changed for the time-out. All decisions
are made under the lock of the directory.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from filelock import FileLock
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from cnnzoo.config.durations import seconds_of
from cnnzoo.config.sweep import SweepConfig
from cnnzoo.errors import CnnzooError, RunError
from cnnzoo.runs.files import is_locked
from cnnzoo.runs.run import Run
from cnnzoo.studies.outcomes import DIVERGED, FAILED, FINISHED, PRUNED, RUNNING, TOO_LARGE
from cnnzoo.studies.sweep_deaths import Deaths, kills_for_memory
from cnnzoo.studies.sweep_directory import LOCK, WORKERS, SweepDirectory, shared_settings
from cnnzoo.studies.sweep_results import Trial
from cnnzoo.studies.sweep_search import Search, plain_values, propose, should_prune
from cnnzoo.training.engine.checkpoint import checkpoints_in

LEASE, RESULT, DEATHS = "lease", "result", "deaths"  # keys of the attributes of a trial
_SETTINGS = "settings"  # of the study: those that all its processes must share
_VOID = "void"  # the outcome of a trial that two machines created at once: it is not trained
_BEATS = 4  # in the time-out
_STATES = {
    FINISHED: TrialState.COMPLETE,
    PRUNED: TrialState.PRUNED,
    # A sampler of one objective takes pruned trials without values for the worst ones.
    DIVERGED: TrialState.PRUNED,
    TOO_LARGE: TrialState.PRUNED,
    FAILED: TrialState.FAIL,
    _VOID: TrialState.FAIL,
}

Next = int | Literal["wait"] | None


class TakenOverError(CnnzooError):
    """A trial that another process has taken over, because this one was silent for too long."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A lease, and when this process first saw it, by `time.monotonic`."""

    lease: Any
    at: float


class SweepStudy:
    """The study in the storage, as one process sees it; use it inside `working`."""

    def __init__(
        self,
        directory: SweepDirectory,
        storage: BaseStorage,
        search: Search,
        sweep: SweepConfig,
        timeout: float,
    ) -> None:
        self.directory = directory
        self.search = search
        self._storage = storage
        self._sweep = sweep
        self._timeout = timeout
        self._worker = uuid.uuid4().hex[:12]
        self._beat = 0
        self._current: int | None = None
        self._lost = threading.Event()
        self._seen: dict[int, _Seen] = {}
        self._lock = FileLock(directory.path / LOCK)
        with self._lock:
            self._study_id = self._open()

    def _open(self) -> int:
        with suppress(DuplicatedStudyError):
            self._storage.create_new_study(self.search.directions, self.search.name)
        study_id = self._storage.get_study_id_from_name(self.search.name)
        shared = json.dumps(shared_settings(self.directory.config().plain()), sort_keys=True)
        settings = hashlib.sha256(shared.encode()).hexdigest()[:16]
        stored = self._storage.get_study_user_attrs(study_id).get(_SETTINGS)
        if stored is None:
            self._storage.set_study_user_attr(study_id, _SETTINGS, settings)
        elif stored != settings:
            raise RunError(
                f"the storage has another sweep of the name {self.search.name!r}",
                hint="give this one another name: --name NAME",
            )
        return study_id

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count as a process of the study, until the end of the context or of the process."""
        folder = self.directory.path / WORKERS
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / self._worker)
        stop = threading.Event()
        thread = threading.Thread(target=self._keep_beating, args=(stop,), daemon=True)
        with lock:
            thread.start()
            try:
                yield
            finally:
                stop.set()
                thread.join()
        (folder / self._worker).unlink(missing_ok=True)

    def next_trial(self) -> Next:
        """Take the next trial and return its number, counted from 0.

        An abandoned trial comes first. Returns `wait` if only trials of other processes are left,
        and None if all trials have ended.
        """
        with self._lock:
            trials = self.trials()
            for trial in trials:
                if trial.state == TrialState.RUNNING and self._is_abandoned(trial):
                    self._count_death(trial)
                    self._take(trial.number)
                    return trial.number
            if self._starts_more(trials):
                number = self._create(trials)
                return "wait" if number is None else number
            running = any(trial.state == TrialState.RUNNING for trial in trials)
            return "wait" if running else None

    def trials(self) -> list[FrozenTrial]:
        """Return all trials, by number."""
        return self._storage.get_all_trials(self._study_id, deepcopy=False)

    def planned(self) -> int | None:
        """Return the number of trials after which the sweep ends, if it has one."""
        limits = (self._sweep.trials, self.search.size())
        return min((limit for limit in limits if limit is not None), default=None)

    def settings(self, number: int) -> dict[str, Any]:
        """Return the settings of a trial by dotted key, as plain values."""
        return plain_values(self.search.domains, self.trials()[number].params)

    def deaths(self, number: int) -> Deaths:
        """Return the processes that died in a trial since its last progress."""
        return Deaths(**self.trials()[number].user_attrs.get(DEATHS, {}))

    def prunes(self, number: int, values: Sequence[float]) -> bool:
        """Record the values of a trial after each epoch; return whether it is to be pruned.

        Raises TakenOverError if another process trains the trial now.
        """
        self._check_lease(number)
        if len(self.search.minimize) > 1:
            return False
        trial = self.trials()[number]
        pruned, notes = should_prune(self.search, self.trials(), number, values)
        for epoch, value in enumerate(values, 1):
            if epoch not in trial.intermediate_values:
                self._storage.set_trial_intermediate_value(trial._trial_id, epoch, value)
        for key, note in notes.items():
            if trial.system_attrs.get(key) != note:
                self._storage.set_trial_system_attr(trial._trial_id, key, note)
        return pruned and len(values) < self.search.epochs

    def end(self, result: Trial) -> None:
        """Record how a trial ended; raises TakenOverError like `prunes`."""
        trial = self.trials()[result.number - 1]
        self._check_lease(trial.number)
        state = _STATES[result.outcome]
        if state == TrialState.PRUNED and len(self.search.minimize) > 1:
            state = TrialState.FAIL  # Optuna prunes trials of one objective only
        plain = result.model_dump(exclude={"settings", "number"})
        self._storage.set_trial_user_attr(trial._trial_id, RESULT, plain)
        self._current = None
        values = result.values if state == TrialState.COMPLETE else None
        self._storage.set_trial_state_values(trial._trial_id, state, values)

    def release(self) -> None:
        """Give the current trial back, for another process to continue it."""
        number, self._current = self._current, None
        if number is not None and not self._lost.is_set():
            trial = self.trials()[number]
            self._storage.set_trial_user_attr(trial._trial_id, LEASE, None)

    def results(self) -> list[Trial]:
        """Return all trials as plain records; a running one has no values."""
        found = []
        for trial in self.trials():
            plain = trial.user_attrs.get(RESULT, {"outcome": RUNNING})
            if plain["outcome"] != _VOID:
                settings = plain_values(self.search.domains, trial.params)
                found.append(Trial(number=trial.number + 1, settings=settings, **plain))
        return found

    def _starts_more(self, trials: Sequence[FrozenTrial]) -> bool:
        results = [trial.user_attrs.get(RESULT, {}) for trial in trials]
        count = sum(result.get("outcome") != _VOID for result in results)
        planned = self.planned()
        if planned is not None and count >= planned:
            return False
        spent = sum(result.get("seconds", 0.0) for result in results)
        return self._sweep.time is None or spent < seconds_of(self._sweep.time)

    def _create(self, trials: Sequence[FrozenTrial]) -> int | None:
        """Create the next trial for this process; None if another machine was faster."""
        proposed = propose(self.search, trials)
        template = create_trial(
            state=TrialState.RUNNING,
            params=proposed.params,
            distributions=proposed.distributions,
            system_attrs=proposed.system_attrs,
            user_attrs={LEASE: self._lease()},
        )
        trial_id = self._storage.create_new_trial(self._study_id, template_trial=template)
        number = self._storage.get_trial(trial_id).number
        if number != len(trials):
            # Without a common directory there is no common lock. The values were chosen for
            # another number, and another trial may have the same ones.
            void = {"outcome": _VOID}
            self._storage.set_trial_user_attr(trial_id, RESULT, void)
            self._storage.set_trial_state_values(trial_id, TrialState.FAIL)
            return None
        self._begin(number)
        return number

    def _take(self, number: int) -> None:
        self._storage.set_trial_user_attr(self.trials()[number]._trial_id, LEASE, self._lease())
        self._begin(number)

    def _count_death(self, trial: FrozenTrial) -> None:
        """Count the death of the process that has an abandoned trial, unless it was given back."""
        lease = trial.user_attrs.get(LEASE)
        if not lease or lease["worker"] == self._worker:
            return
        before, now = lease.get("kills_for_memory"), kills_for_memory()
        known = lease["host"] == socket.gethostname() and before is not None and now is not None
        deaths = self.deaths(trial.number).plus(self._progress(trial), known and now > before)
        self._storage.set_trial_user_attr(trial._trial_id, DEATHS, deaths.plain())

    def _progress(self, trial: FrozenTrial) -> str:
        """Return a text that changes when a trial makes progress."""
        checkpoints = [
            f"{run.path.name}/{path.stem}"
            for run in self._runs(trial.number)
            for path in checkpoints_in(run.checkpoints_path)[:1]
        ]
        return " ".join([str(len(trial.intermediate_values)), *checkpoints])

    def _check_lease(self, number: int) -> None:
        lease = self.trials()[number].user_attrs.get(LEASE) or {}
        if self._lost.is_set() or lease.get("worker") != self._worker:
            raise TakenOverError(
                f"trial {number + 1} was taken over by another process, because this one was "
                f"silent for {self._timeout:g} s",
                hint="choose a longer --timeout",
            )

    def _begin(self, number: int) -> None:
        self._lost.clear()
        self._current = number

    def _lease(self) -> dict[str, Any]:
        self._beat += 1
        return {
            "worker": self._worker,
            "host": socket.gethostname(),
            "beat": self._beat,
            "kills_for_memory": kills_for_memory(),
        }

    def _is_abandoned(self, trial: FrozenTrial) -> bool:
        lease = trial.user_attrs.get(LEASE)
        if not lease or lease["worker"] == self._worker:
            return True
        if any(run.is_training() for run in self._runs(trial.number)):
            return False  # also if its machine could not reach the storage
        worker = self.directory.path / WORKERS / str(lease["worker"])
        if lease["host"] == socket.gethostname() and worker.exists() and not is_locked(worker):
            worker.unlink(missing_ok=True)
            return True
        now = time.monotonic()
        seen = self._seen.get(trial.number)
        if seen is None or seen.lease != lease:
            self._seen[trial.number] = _Seen(lease, now)
            return False
        return now - seen.at > self._timeout

    def _runs(self, number: int) -> list[Run]:
        return self.directory.runs(number + 1, self._sweep.seeds)

    def _keep_beating(self, stop: threading.Event) -> None:
        while not stop.wait(self._timeout / _BEATS):
            with suppress(Exception):  # the storage may be out of reach for a while
                self._beat_once()

    def _beat_once(self) -> None:
        number = self._current
        if number is None:
            return
        trial = self.trials()[number]
        lease: Mapping[str, Any] = trial.user_attrs.get(LEASE) or {}
        if trial.state != TrialState.RUNNING or lease.get("worker") != self._worker:
            if self._current == number:
                self._lost.set()
            return
        self._storage.set_trial_user_attr(trial._trial_id, LEASE, self._lease())
