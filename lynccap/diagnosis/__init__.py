"""Judges a case: rules over correlated tables, gates first, causes before symptoms."""
