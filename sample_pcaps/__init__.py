"""Labelled sample captures; `lab` is where they are made."""
