"""The one way from captures to a document: read, correlate, judge, and put it into the contract's form."""

from lynccap.analysis.documents import UnknownDevice, analyze, document_of
from lynccap.analysis.study import Study, crossings_of, read_study

__all__ = ["Study", "UnknownDevice", "analyze", "crossings_of", "document_of", "read_study"]
