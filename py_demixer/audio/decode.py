"""Decode audio files to stereo at the sample rate of a model.

libsndfile is tried first (WAV, FLAC, AIFF, Ogg, MP3 ...), then the program ffmpeg if it is on PATH.
Both return float32 at the file's own sample rate; down-mixing and resampling happen only here.
Everything works block by block, so that songs of any length can be read. The packages soundfile and
soxr are imported when they are first needed.

Shapes: a block is (channels, frames) float32 with full scale at +-1.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import AudioError
from py_demixer.extras import require
from py_demixer.separation.statistics import check_finite, downmix_matrix

from . import headers
from .resample import resampled

SUFFIXES = frozenset(
    {".aac", ".aif", ".aifc", ".aiff", ".alac", ".au", ".caf", ".flac", ".m4a", ".mka", ".mkv"}
    | {".mov", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".w64", ".wav", ".webm", ".wma"}
)
"""Extensions of the audio files to look for in folders, in lower case."""

_BLOCK = 1 << 18  # frames read or converted at a time

Warn = Callable[[str], None]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Recording:
    """An opened audio file, which can be read once.

    Attributes
    ----------
    sample_rate
        Sample rate in Hz.
    channels
        Number of channels.
    blocks
        Consecutive blocks, ``(channels, frames)`` float32. Damage that the decoder cannot recover
        from raises :class:`_Damage`.
    """

    sample_rate: int
    channels: int
    blocks: Iterator[NDArray[np.float32]]


class _Damage(Exception):
    """A decoder does not support the format, or cannot continue; another decoder may succeed.

    The message completes the sentence "FILE ...".
    """


def load(path: Path, sample_rate: int, warn: Warn, stream: int = 0) -> NDArray[np.float32]:
    """Read a song into memory as stereo at ``sample_rate``; see :func:`read`.

    Returns
    -------
    NDArray[np.float32]
        ``(2, T)`` float32 with T = round(frames * sample_rate / rate of the file), at least 1.

    Raises
    ------
    AudioError
        See :func:`read`.
    """
    return read(path, sample_rate, _joined, warn, stream)


def _joined(blocks: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(list(blocks), axis=1)


def read(
    path: Path,
    sample_rate: int,
    take: Callable[[Iterator[NDArray[np.float32]]], Result],
    warn: Warn,
    stream: int = 0,
) -> Result:
    """Read a song block by block as stereo at ``sample_rate``.

    Parameters
    ----------
    path
        Any file that libsndfile or ffmpeg can read.
    take
        Called with the blocks, ``(2, frames)`` float32. If one decoder fails midway, it is called
        again with the blocks of the other one, from the start.
    warn
        Called with a sentence if the file could be read, but with problems.
    stream
        Index of the audio stream in the file; streams other than the first need ffmpeg.

    Returns
    -------
    Result
        The result of ``take``.

    Raises
    ------
    AudioError
        The file is not audio, contains no audio or has more channels than the down-mix supports, or
        a sample is NaN or infinite (the message gives the time of the first one).
    """
    _check_is_a_file(path)
    why = ""
    if stream == 0:
        try:
            with _open_with_libsndfile(path, warn) as recording:
                return take(_as_models_want_it(path, recording, sample_rate))
        except _Damage as damage:
            why = str(damage)
    with _open_with_ffmpeg(path, stream, warn, why) as recording:
        return take(_as_models_want_it(path, recording, sample_rate))


def probe(path: Path) -> None:
    """Check from its beginning whether a file can be read at all.

    Raises
    ------
    AudioError
        The file cannot be read; the message says why.
    """
    _check_is_a_file(path)
    why = ""
    try:
        with _open_with_libsndfile(path, _keep_quiet):
            return
    except _Damage as damage:
        why = str(damage)
    with _open_with_ffmpeg(path, 0, _keep_quiet, why):
        return


def _keep_quiet(_: str) -> None:
    """Ignore a warning."""


def _as_models_want_it(
    path: Path, recording: Recording, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Mix down, check for non-finite samples, and resample."""
    try:
        matrix = downmix_matrix(recording.channels)
        mixed = _checked((_mixed(matrix, block) for block in recording.blocks), recording)
        count = 0
        for block in resampled(mixed, recording.sample_rate, rate):
            count += block.shape[1]
            yield block
    except ValueError as error:
        raise AudioError(f"{path}: {error}") from error
    if count == 0:
        raise AudioError(f"{path} holds no audio: choose another file.")


def _mixed(matrix: NDArray[np.float32], block: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(invalid="ignore"):  # non-finite samples raise an error later
        return matrix @ block


def _checked(
    blocks: Iterable[NDArray[np.float32]], recording: Recording
) -> Iterator[NDArray[np.float32]]:
    """Check blocks before resampling, whose filter would spread a NaN over its whole length."""
    start = 0
    for block in blocks:
        check_finite(block, start, recording.sample_rate)
        start += block.shape[1]
        yield block


def _check_is_a_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise AudioError(
                f"{path} is a pipe or a device, and songs are read more than once: copy it to "
                "a file, or pipe it to standard input."
            )
        with path.open("rb") as file:
            first_byte = file.read(1)
    except FileNotFoundError as error:
        raise AudioError(f"There is no file {path}: check its name.") from error
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror}.") from error
    if not first_byte:
        raise AudioError(f"{path} is empty (0 bytes): copy or download it again.")


_UNKNOWN = "is not audio that libsndfile reads"
_SEVERAL = "is several files one behind the other, of which libsndfile reads the first"


@contextmanager
def _open_with_libsndfile(path: Path, warn: Warn) -> Iterator[Recording]:
    soundfile = require("soundfile")
    try:
        header = headers.look(path)
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror or error}.") from error
    if header.is_several:
        raise _Damage(_SEVERAL)
    failures = (soundfile.SoundFileError, TypeError)  # TypeError: *.raw files have no header
    with ExitStack() as stack:
        source: Any = libsndfile_name(path)
        if header.patches:
            source = stack.enter_context(headers.Patched(path, header.patches))
        try:
            with _silent_stderr:
                file = stack.enter_context(soundfile.SoundFile(source))
        except failures as error:
            raise _Damage(_UNKNOWN) from error
        blocks = _with_libsndfile(file, failures)
        if header.frames is not None:
            blocks = _missed(path, blocks, header.frames, file.samplerate, warn)
        yield Recording(file.samplerate, file.channels, blocks)


def _with_libsndfile(
    file: Any, failures: tuple[type[Exception], ...]
) -> Iterator[NDArray[np.float32]]:
    while True:
        try:
            with _silent_stderr:
                block = file.read(_BLOCK, dtype="float32", always_2d=True)
        except failures as error:
            raise _Damage("is damaged, and libsndfile cannot read it to the end") from error
        if not len(block):
            return
        yield block.T


def _missed(
    path: Path, blocks: Iterator[NDArray[np.float32]], frames: int, rate: int, warn: Warn
) -> Iterator[NDArray[np.float32]]:
    """Yield the blocks, and warn if there are fewer frames than the file's header states."""
    count = 0
    for block in blocks:
        count += block.shape[1]
        yield block
    if count < frames:
        warn(
            f"{path} is cut short: of {frames / rate:.1f} seconds {count / rate:.1f} are there; "
            "going on with those."
        )


def libsndfile_name(path: Path) -> str | bytes:
    """A file's name for libsndfile; as bytes, since soundfile rejects text that is not Unicode."""
    return str(path) if os.name == "nt" else os.fsencode(path)


class _SilentStderr:
    """Silences the MP3 decoder in libsndfile, which prints messages to file descriptor 2.

    The descriptor belongs to the process, not to a thread: the first thread to enter redirects it,
    and the last one to leave restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._saved = self._turn_away()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._saved is not None:
                os.dup2(self._saved, 2)
                os.close(self._saved)

    @staticmethod
    def _turn_away() -> int | None:
        """Redirect it and return a copy of the original; None if there is no standard error."""
        if sys.__stderr__ is None:  # descriptor 2 may be any file, even the song
            return None
        try:
            saved = os.dup(2)
        except OSError:  # it has been closed since
            return None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        return saved


_silent_stderr = _SilentStderr()


@contextmanager
def _open_with_ffmpeg(path: Path, stream: int, warn: Warn, why: str) -> Iterator[Recording]:
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{path} {why or _UNKNOWN}, and the program ffmpeg, which reads most "
            "other files, is not on PATH: install ffmpeg, or give a WAV, FLAC or MP3 file."
        )
    # AU rather than WAV: its header is six big-endian numbers, and it has no 4 GB limit. The
    # "file:" prefix and the whitelist prevent a name or a playlist from making ffmpeg open anything
    # but local files.
    command = [program, "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path}", "-map", f"0:a:{stream}", "-map_metadata", "-1"]
    command += ["-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        assert process.stdout is not None
        try:
            header = process.stdout.read(24)
            if len(header) < 24:
                _judge(path, process, errors, warn)
                raise AudioError(f"{path} holds no audio: choose a file with sound in it.")
            yield _au_recording(header, process.stdout, lambda: _judge(path, process, errors, warn))
        finally:
            process.kill()


def _au_recording(header: bytes, data: IO[bytes], end: Callable[[], None]) -> Recording:
    """Read the float32 AU stream that ffmpeg writes; its header does not state the size."""
    if header[:4] != b".snd":
        raise AudioError("ffmpeg did not return audio: update ffmpeg.")
    offset, _, _, rate, channels = struct.unpack(">5I", header[4:])
    data.read(offset - len(header))

    def blocks() -> Iterator[NDArray[np.float32]]:
        frame = 4 * channels
        while chunk := data.read(_BLOCK * frame):
            samples = np.frombuffer(chunk, ">f4", len(chunk) // frame * channels)
            yield samples.reshape(-1, channels).T.astype(np.float32)
        end()

    return Recording(rate, channels, blocks())


def _judge(path: Path, process: subprocess.Popen[bytes], errors: IO[bytes], warn: Warn) -> None:
    """Wait for ffmpeg to end, and turn its messages into an error or a warning."""
    code = process.wait()
    errors.seek(0)
    complaints = errors.read().decode("utf-8", "replace").strip()
    last_line = complaints.rpartition("\n")[2]
    if "matches no streams" in complaints:
        raise AudioError(f"{path} holds no audio: choose a file with sound in it.")
    if code != 0:
        raise AudioError(
            f"{path} is not audio that libsndfile or ffmpeg can decode: choose another file. "
            f"(ffmpeg says: {last_line})"
        )
    if complaints:
        warn(f"{path} is damaged; going on with what could be decoded. (ffmpeg says: {last_line})")
