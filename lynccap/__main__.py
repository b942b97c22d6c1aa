"""Lets `python -m lynccap` do what `lynccap` does."""

from lynccap.cli import main

if __name__ == "__main__":
    main()
