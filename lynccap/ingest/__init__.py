"""Reads captures into tables: frames, flows, streams, messages. numpy and pandas are loaded from here on."""

import os

# OpenBLAS starts one thread a core when numpy is imported; nothing here multiplies matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from lynccap.ingest.pipeline import Recorded, read_each, read_recordings, read_tables
from lynccap.ingest.sources.source import Source, UnreadableCapture

__all__ = ["Recorded", "Source", "UnreadableCapture", "read_each", "read_recordings", "read_tables"]
