"""What can go wrong with a weight file."""


class ConvertError(ValueError):
    """A weight file was refused or not understood; the message says why."""
