"""The analysis for Python programs: the document and everything behind it as pandas DataFrames."""

from lynccap.results.analysing import Analysis, analyze
from lynccap.results.tables import ResultTables

__all__ = ["Analysis", "ResultTables", "analyze"]
