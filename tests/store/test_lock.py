"""One fetcher a version: waiting, taking over from the dead, and being taken over."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bge_reranker.errors import HubUnreachable, SettingsError
from bge_reranker.store.lock import STALE_S, FetchLock, hold, is_stale

from .models import contents, fetch, fetcher, model_files
from .servers.hub import running_hub

HOLDER = """
import sys
from pathlib import Path
from bge_reranker.store.lock import hold
with hold(Path(sys.argv[1]), lambda: False, lambda seconds: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def nobody_waits(_seconds: float) -> None:
    pytest.fail("there is nothing to wait for")


def foreign_lock(path: Path, age_s: float) -> None:
    """A lock as a fetcher on another machine holds it, last heard of so long ago."""
    path.write_text(json.dumps({"machine": "another", "process": 1, "token": "x"}))
    then = path.stat().st_mtime - age_s
    os.utime(path, (then, then))


def test_a_lock_is_gone_when_the_work_is_done(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", lambda: False, nobody_waits) as lock:
        assert lock is not None
        assert not is_stale(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be_is_no_lock_of_another(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = pytest.raises(SettingsError, match=r"file.*cannot be written")
    with refused, hold(tmp_path / "file" / "lock", lambda: False, nobody_waits):
        pass


def test_nobody_holds_a_lock_for_work_that_is_done(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", lambda: True, nobody_waits) as lock:
        assert lock is None
    assert list(tmp_path.iterdir()) == []


def killed_holder(path: Path) -> None:
    """A lock whose holder was killed on this machine."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not is_stale(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()


def test_a_process_that_was_killed_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    killed_holder(path)
    with hold(path, lambda: False, nobody_waits) as lock:
        assert lock is not None


@pytest.mark.parametrize(("age_s", "expected"), [(STALE_S - 5, False), (STALE_S + 5, True)])
def test_a_fetcher_on_another_machine_is_dead_after_a_minute_of_silence(
    tmp_path: Path, age_s: float, *, expected: bool
) -> None:
    foreign_lock(tmp_path / "lock", age_s)
    assert is_stale(tmp_path / "lock") is expected


def test_a_dead_fetcher_of_this_machine_holds_nothing_up_where_the_file_system_has_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    path = tmp_path / "lock"
    with hold(path, lambda: False, nobody_waits):
        assert not is_stale(path)
        then = path.stat().st_mtime - STALE_S - 1
        os.utime(path, (then, then))
        assert is_stale(path)


def test_a_lock_that_the_file_system_gives_to_everybody_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda _descriptor, _operation: None)
    path = tmp_path / "lock"
    with hold(path, lambda: False, nobody_waits):
        assert not is_stale(path)
        then = path.stat().st_mtime - STALE_S - 1
        os.utime(path, (then, then))
        assert is_stale(path)


def test_who_waits_takes_over_from_the_dead_and_not_from_the_living(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    foreign_lock(path, 0)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            foreign_lock(path, STALE_S + 1)

    with hold(path, lambda: False, wait) as lock:
        assert lock is not None
    assert len(waits) == 3


def test_a_holder_hears_that_its_lock_was_taken_over(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", lambda: False, nobody_waits) as lock:
        assert isinstance(lock, FetchLock)
        lock.beat()
        foreign_lock(tmp_path / "lock", 0)
        with pytest.raises(HubUnreachable, match="taken over"):
            lock.beat()
    # It belongs to somebody else now.
    assert (tmp_path / "lock").exists()


def test_two_fetchers_do_the_work_once(tmp_path: Path) -> None:
    files = model_files()
    with running_hub() as hub, ThreadPoolExecutor(2) as pool:
        hub.add("org/name", files)
        hub.server.faults.gate.clear()
        tick = threading.Event()
        first = pool.submit(fetch, tmp_path, "hf://org/name", hub.environment)
        assert any((hub.server.paths() and "/lfs/" in hub.server.paths()[-1]) or tick.wait(0.02) for _ in range(500))
        second_fetcher = fetcher(tmp_path, "hf://org/name", hub.environment)
        second_fetcher._pause = tick.wait
        second = pool.submit(second_fetcher.fetch)
        infos = "/api/models/org/name"
        assert any(hub.server.paths().count(infos) == 2 or tick.wait(0.02) for _ in range(500))
        hub.server.faults.gate.set()
        assert (first.result().was_there, second.result().was_there) == (False, True)
        assert first.result().version == second.result().version
        assert len([path for path in hub.server.paths() if path.startswith("/lfs/")]) == 5
    assert contents(first.result().version.path)["model.safetensors"] == files["model.safetensors"]


def test_of_two_that_find_a_holder_dead_the_second_takes_nothing_from_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock = tmp_path / "lock", fcntl.flock
    waits: list[float] = []
    killed_holder(path)

    def overtaken(descriptor: int, operation: int) -> None:
        lock(descriptor, operation)
        monkeypatch.setattr(fcntl, "flock", lock)
        path.unlink()
        foreign_lock(path, 0)

    def wait(seconds: float) -> None:
        waits.append(seconds)
        path.unlink()

    # What it finds free is the dead one's file; by then another has made its own.
    monkeypatch.setattr(fcntl, "flock", overtaken)
    with hold(path, lambda: False, wait) as held:
        assert held is not None
    assert len(waits) == 1


@pytest.mark.parametrize("length", [200, 250])
def test_a_dead_holder_s_lock_is_removed_whatever_the_length_of_its_name(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("a" * length)
    for make in (killed_holder, lambda path: foreign_lock(path, STALE_S + 1)):
        make(path)
        with hold(path, lambda: False, nobody_waits) as lock:
            assert lock is not None
        assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_judged_is_told(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    refused = pytest.raises(SettingsError, match=r"lock cannot be written: Is a directory")
    with refused, hold(tmp_path / "lock", lambda: False, nobody_waits):
        pass
