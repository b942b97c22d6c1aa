"""The laboratory: real network stacks whose captures are the project's labelled samples."""
