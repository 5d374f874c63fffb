"""The error for files that cannot be used."""

__all__ = ["DataFileError"]


class DataFileError(RuntimeError):
    """A data file is missing, truncated, corrupt, or not what its name says. The message names the file."""
