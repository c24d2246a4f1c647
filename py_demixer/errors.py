"""Every exception of this package; the message is a sentence that says what happened."""

from __future__ import annotations


class PyDemixerError(Exception):
    """What all of them are."""


class AudioError(PyDemixerError):
    """An audio file cannot be read or written."""


class BatchError(PyDemixerError):
    """What was asked of a batch cannot be done."""


class Cancelled(PyDemixerError):
    """The caller asked to stop."""


class CollectionError(PyDemixerError):
    """Songs cannot be found, or would be written to one place."""


class ConvertError(PyDemixerError, ValueError):
    """A weight file was refused or not understood."""


class EvaluationError(PyDemixerError):
    """Something cannot be evaluated."""


class FetchError(PyDemixerError):
    """The weights could not be had; says why, source by source, and what to do."""


class MissingPackageError(PyDemixerError, ImportError):
    """A package is not installed; says how to install it."""


class NoGraphics(PyDemixerError, ImportError):
    """There is no graphics card that can be used, or not the package that is needed for it."""


class NotRecordable(PyDemixerError, ValueError):
    """A network does what a program cannot have."""


class UnsupportedOperation(PyDemixerError, ValueError):
    """A program has an operation for which there is no shader."""


class WorkerError(PyDemixerError, RuntimeError):
    """A process ended in the middle of its work."""
