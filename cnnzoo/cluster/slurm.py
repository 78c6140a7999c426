"""Train one run as a job of SLURM.

The script of the job, `slurm.sh` in the run directory, starts `cnnzoo train --resume RUN` on all
nodes, whose processes find each other (`training.processes`). A minute before the time limit they
write a checkpoint and the job is queued again; if a process is lost, all of them start again. In
both cases the run continues from its last checkpoint.
"""

from __future__ import annotations

import math
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cnnzoo.errors import UserError
from cnnzoo.runs.files import write_text
from cnnzoo.runs.run import Run
from cnnzoo.text import shorten

SCRIPT, LOG = "slurm.sh", "slurm.log"
_WORDS = re.compile(r"[A-Za-z0-9_.,-]+")
_SECONDS = 30  # for SLURM to answer

_TEXT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --nodes={nodes}
#SBATCH --ntasks={workers}
#SBATCH --time={minutes}
{options}#SBATCH --signal=B:USR1@60
#SBATCH --requeue
#SBATCH --open-mode=append

# Written by cnnzoo. The run directory must be on a disk that all nodes share.
train=({command})

# SLURM sends USR1 a minute before the time limit. The processes then write a checkpoint, and the
# job waits in the queue again. After TERM (scancel, pre-emption) it is left to SLURM.
requeue=no
signalled=no
trap 'signalled=yes; requeue=yes; scancel --signal=TERM "$SLURM_JOB_ID"' USR1
trap 'signalled=yes; requeue=no' TERM

for attempt in 1 2 3 4; do
    srun --kill-on-bad-exit=1 "${{train[@]}}" &
    while wait $!; code=$?; [ $signalled = yes ]; do
        signalled=no
    done
    # Codes of cnnzoo: finished, failed, a mistake, stopped. Otherwise a process was lost.
    case $code in 0 | 1 | 2 | 130 | 143) break ;; esac
    echo "a process was lost (exit code $code): restart $attempt from the last checkpoint"
done

if [ $requeue = yes ] && [ $code -gt 128 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $code
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What a job asks SLURM for: nodes, processes, GPUs of each process, time and partition."""

    nodes: int
    workers: int
    seconds: float
    gpus: int = 0
    partition: str | None = None


def submit(run: Run, request: Request) -> str:
    """Write the script of a queued run, submit it, and return the number of the job.

    Raises UserError if SLURM is missing or refuses the job.
    """
    script = run.path / SCRIPT
    write_text(script, script_text(run, request))
    log = str(run.path.absolute() / LOG).replace("%", "%%")  # % begins a pattern of sbatch
    words = ["sbatch", "--parsable", f"--output={log}", str(script.absolute())]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        raise UserError(
            "sbatch is not installed on this machine", hint="run this on a login node of SLURM"
        ) from None
    except subprocess.TimeoutExpired:
        raise UserError(f"SLURM did not answer in {_SECONDS} s", hint="try: sinfo") from None
    if done.returncode:
        raise UserError(
            f"SLURM refused the job: {shorten(done.stderr.strip().replace(chr(10), '; '), 300)}",
            hint="see sinfo for partitions and their limits",
        )
    return done.stdout.strip().partition(";")[0]


def script_text(run: Run, request: Request) -> str:
    """Return the script of the job; raise UserError for a partition that is not a word."""
    options = ""
    if request.gpus:
        on_node = -(-request.workers // request.nodes)
        # Those of a node, so that the processes of one node can reach each other's GPUs.
        options += f"#SBATCH --gpus-per-node={request.gpus * on_node}\n"
    if request.partition is not None:
        if not _WORDS.fullmatch(request.partition):
            raise UserError(f"--partition {request.partition!r} is not the name of a partition")
        options += f"#SBATCH --partition={request.partition}\n"
    command = [sys.executable, "-m", "cnnzoo", "train", "--resume", str(run.path.absolute())]
    return _TEXT.format(
        name=_job_name(run.path),
        nodes=request.nodes,
        workers=request.workers,
        minutes=max(1, math.ceil(request.seconds / 60)),
        options=options,
        command=shlex.join(command),
    )


def _job_name(path: Path) -> str:
    """A name without characters that sbatch or a shell interprets."""
    return "-".join(re.sub(r"[^A-Za-z0-9_.-]", "_", part) for part in path.absolute().parts[-2:])
