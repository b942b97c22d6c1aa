"""What a recording's own condition does to judgement: copies, the recorder's clock, what a network card left undone."""
