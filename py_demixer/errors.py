"""What can go wrong with a weight file."""


class ConvertError(ValueError):
    """A weight file was refused or not understood; the message says why."""


class FetchError(Exception):
    """The weights could not be had; the message says why, source by source, and what to do."""
