"""The version, for the documents the tool writes: below everything else."""

__version__ = "0.1.0"
