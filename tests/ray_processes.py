"""The processes of Ray that a driver has started."""

from __future__ import annotations

from pathlib import Path


def a_worker_of(driver: int, title: str) -> int:
    """A process of Ray with this title, among those that the driver has started."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int(
                    (folder / "stat").read_text().rpartition(")")[2].split()[1]
                )
            except OSError:  # it has ended
                continue

    def is_below(pid: int) -> bool:
        while pid > 1:
            pid = parents.get(pid, 0)
            if pid == driver:
                return True
        return False

    return max(
        pid
        for pid in parents
        if is_below(pid) and title.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
