"""The run directory, the list of runs, and the record of the environment."""

from cnnzoo.runs.run import Run as Run
from cnnzoo.runs.run import open_run as open_run
