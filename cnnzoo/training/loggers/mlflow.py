"""Log a training as an MLflow run, in an experiment with the name of its configuration.

MLFLOW_TRACKING_URI names the server or the database; without it, MLflow writes `mlflow.db` in the
working directory, where `mlflow ui` finds it.

A training does not start if the server does not answer, but it does not stop for it later: missing
epochs are sent when the training ends, or is resumed.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence

from cnnzoo.config.flat import flat
from cnnzoo.config.schema import Config
from cnnzoo.errors import UserError
from cnnzoo.extras import require
from cnnzoo.models.objects import first_line
from cnnzoo.runs.run import CONFIG, FAILED, FINISHED, INTERRUPTED, RUNNING, Run
from cnnzoo.training.progress import Metrics

_STATUS = {RUNNING: "RUNNING", FINISHED: "FINISHED", INTERRUPTED: "KILLED", FAILED: "FAILED"}
RUN_ID = "mlflow_run"  # in run.json
_AT_ONCE = 100  # parameters in one request
_LONGEST = 500  # letters of a parameter, on old servers
# MLflow would retry for minutes. Variables that the user has set are kept.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


class MlflowLogger:
    """Log parameters, the metrics of each epoch, and finally the model and its configuration."""

    def __init__(self, config: Config, note: Callable[[str], None]) -> None:
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        self.mlflow = require("mlflow", "mlflow", "training.mlflow")
        self.config = config
        self.note = note
        self.rows: list[Metrics] = []  # not sent yet
        self.sent: set[int] = set()  # epochs that were sent before the training was resumed
        self.id = ""  # of the MLflow run, once it exists
        self.failed = False
        try:
            with warnings.catch_warnings(action="ignore"):
                self.client = self.mlflow.MlflowClient()
                self.experiment = self._find_experiment()
        except Exception as error:
            raise UserError(
                f"MLflow cannot be written to: {first_line(error)}",
                hint=f"its address is {self.mlflow.get_tracking_uri()}, see MLFLOW_TRACKING_URI; "
                "disable it with training.mlflow=false",
            ) from error

    def start(self, run: Run, rows: Sequence[Metrics]) -> None:
        """Create an MLflow run, or continue the one that `run.json` names."""
        self.run = run
        self.rows = list(rows)
        self._try(self._send)

    def epoch(self, row: Metrics) -> None:
        """Send the metrics of an epoch, unless a request has failed before."""
        self.rows.append(row)
        if not self.failed:
            self._try(self._send)

    def end(self, status: str) -> None:
        """Send missing epochs, the model, its configuration and the status."""

        def finish() -> None:
            self._send()
            for path in (self.run.model_path, self.run.path / CONFIG):
                if path.exists():
                    self.client.log_artifact(self.id, str(path))
            self.client.set_terminated(self.id, _STATUS[status])

        self.failed = False
        self._try(finish, "MLflow does not have all of this run")

    def _find_experiment(self) -> str:
        found = self.client.get_experiment_by_name(self.config.name)
        return str(
            found.experiment_id if found else self.client.create_experiment(self.config.name)
        )

    def _send(self) -> None:
        if not self.id:
            self._attach()
        while self.rows:
            # An epoch that is trained again has the same metrics, to the last bit.
            if (epoch := int(self.rows[0]["epoch"])) not in self.sent:
                now = int(time.time() * 1000)
                metrics = [
                    self.mlflow.entities.Metric(name, value, now, epoch)
                    for name, value in self.rows[0].items()
                    if name != "epoch"
                ]
                self.client.log_batch(self.id, metrics=metrics)
            self.rows.pop(0)

    def _attach(self) -> None:
        record = self.run.record()
        if name := record.get(RUN_ID):
            self.client.update_run(name, status=_STATUS[RUNNING])
            self.sent = {metric.step for metric in self.client.get_metric_history(name, "loss")}
            self.id = name
            return
        tags = {
            "mlflow.source.name": record.get("command", "cnnzoo"),
            "cnnzoo.run": str(self.run.path.resolve()),
            "cnnzoo.data": record.get("data", {}).get("fingerprint", ""),
            **{f"version.{name}": text for name, text in record.get("versions", {}).items()},
        }
        title = f"{self.config.name}/{self.run.path.name}"
        self.id = self.client.create_run(self.experiment, run_name=title, tags=tags).info.run_id
        self.run.update(**{RUN_ID: self.id})
        parameters = [
            self.mlflow.entities.Param(name, text[:_LONGEST])
            for name, text in flat(self.config.plain()).items()
        ]
        for start in range(0, len(parameters), _AT_ONCE):
            self.client.log_batch(self.id, params=parameters[start : start + _AT_ONCE])

    def _try(
        self,
        action: Callable[[], None],
        problem: str = "MLflow fails, the training continues; missing epochs are sent at its end",
    ) -> None:
        try:
            with warnings.catch_warnings(action="ignore"):
                action()
        except Exception as error:
            self.failed = True
            self.note(f"{problem}: {first_line(error)}")
