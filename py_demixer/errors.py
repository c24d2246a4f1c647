"""The exceptions of this package; each message is a sentence that says what happened."""

from __future__ import annotations


class PyDemixerError(Exception):
    """Base class of all exceptions of this package."""


class AudioError(PyDemixerError):
    """An audio file cannot be read or written."""


class BatchError(PyDemixerError):
    """A batch cannot be run as requested."""


class Cancelled(PyDemixerError):
    """The caller cancelled the separation."""


class CollectionError(PyDemixerError):
    """Songs cannot be found, or the stems of two songs would go to the same folder."""


class ConvertError(PyDemixerError, ValueError):
    """A weight file was refused or could not be read."""


class EvaluationError(PyDemixerError):
    """Something cannot be evaluated."""


class FetchError(PyDemixerError):
    """Weights could not be fetched; the message says why, for each source, and what to do."""


class MissingPackageError(PyDemixerError, ImportError):
    """A package is not installed; the message says how to install it."""


class NoGraphics(PyDemixerError, ImportError):
    """There is no usable graphics card, or the package needed for it is missing."""


class NotRecordable(PyDemixerError, ValueError):
    """A network does something that cannot be recorded in a program."""


class UnsupportedOperation(PyDemixerError, ValueError):
    """A program has an operation for which there is no shader."""


class WorkerError(PyDemixerError, RuntimeError):
    """A worker process died while it was working."""
