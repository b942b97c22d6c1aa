"""Words that all notes on normal behaviour share."""

NOTHING_TO_DO = ("Nothing: this is by design.",)
NOBODY = ("nobody",)
