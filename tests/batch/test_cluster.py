"""A Dask cluster over TCP: a scheduler and two workers, each in a separate process."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import distributed
import pytest

from py_demixer.batch.run import MANIFEST
from tests.batch.conftest import (
    BROKEN,
    LONG,
    batch,
    busy_with,
    contents,
    finish,
    statuses,
    wait_for,
)

DASK = Path(sys.executable).with_name("dask")


@contextmanager
def running(*arguments):
    """A program that runs until the end of the block."""
    process = subprocess.Popen(
        [str(argument) for argument in arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler without workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--host", "127.0.0.1", "--port", port, "--no-dashboard")
    with running(DASK, "scheduler", *options):
        address = f"tcp://127.0.0.1:{port}"
        with distributed.Client(address, timeout=60):
            yield address


@contextmanager
def a_worker(scheduler, folder, *more):
    """A worker with two threads, which must not get two songs at a time."""
    options = ("--nthreads", 2, "--no-dashboard", "--local-directory", folder, *more)
    with running(DASK, "worker", scheduler, *options) as process:
        yield process


def test_cluster_gives_the_same_files_as_local_processes(scheduler, songs, tmp_path, tiny_weights):
    """20 songs: a worker is killed in the middle of one, and one is not audio."""
    model = ("--weights", tiny_weights)
    local, out = tmp_path / "local", tmp_path / "out"
    assert finish(batch(songs, "-o", local, "-j", 2, *model))[0] == 1
    folder = tmp_path / "workers"
    with (
        a_worker(scheduler, folder, "--no-nanny"),
        a_worker(scheduler, folder, "--no-nanny"),
        distributed.Client(scheduler) as client,
    ):
        client.wait_for_workers(2)
        process = batch(songs, "-o", out, "--scheduler", scheduler, *model)
        victim = wait_for(lambda: busy_with(out / LONG))
        assert len(list(folder.rglob("py-demixer-*.safetensors"))) == 2  # one for each worker
        wait_for(lambda: len(list(out.rglob(MANIFEST))) > 2)
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: busy_with(out / LONG) not in (victim, None))  # by the other worker
        code, said, stderr = finish(process)
        assert code == 1
        assert len(said) == 20
        assert [name for name, status in statuses(said).items() if status != "done"] == [BROKEN]
        assert stderr.count("is not audio that libsndfile") == 1
        assert "19 songs were separated, 0 were already done, 1 failed." in stderr
        ours, expected = contents(out), contents(local)
        assert len(ours) == 19 * 5
        assert ours == expected

        code, said, stderr = finish(batch(songs, "-o", out, "--scheduler", scheduler, *model))
        assert "0 songs were separated, 19 were already done, 1 failed." in stderr
        assert contents(out) == expected
        # Only the killed worker could not clean up.
        assert len(list(folder.rglob("py-demixer-*.safetensors"))) == 1


def test_restarted_worker_gets_the_weights_again(scheduler, songs, tmp_path, tiny_weights):
    """The nanny restarts it, as Dask does by default; there is no other worker."""
    out = tmp_path / "out"
    with a_worker(scheduler, tmp_path / "workers"), distributed.Client(scheduler) as client:
        client.wait_for_workers(1)
        song = songs / f"{LONG}.wav"
        process = batch(song, "-o", out, "--scheduler", scheduler, "--weights", tiny_weights)
        victim = wait_for(lambda: busy_with(out / LONG))
        os.kill(victim, signal.SIGKILL)
        code, said, _ = finish(process)
    assert code == 0
    assert statuses(said) == {LONG: "done"}


def test_cluster_problems_are_reported(scheduler, songs, tmp_path, monkeypatch):
    monkeypatch.setattr("py_demixer.batch.dask._PATIENCE_SECONDS", 1)
    from py_demixer.batch.dask import DaskExecutor
    from py_demixer.errors import BatchError

    with pytest.raises(BatchError, match=r"There is no Dask scheduler at tcp://127\.0\.0\.1:1:"):
        DaskExecutor("tcp://127.0.0.1:1", tmp_path).__enter__()
    with pytest.raises(BatchError, match="has no workers: start some"):
        DaskExecutor(scheduler, tmp_path).__enter__()
    monkeypatch.setattr("py_demixer.batch.dask.__version__", "9.9")
    with a_worker(scheduler, tmp_path), distributed.Client(scheduler) as client:
        client.wait_for_workers(1)
        with pytest.raises(BatchError, match=r"does not have py-demixer 9\.9 \(0"):
            DaskExecutor(scheduler, tmp_path).__enter__()
