"""What the flows' bytes said: kept, classified, dissected; media measured."""
