"""Security evaluations by policy and split: run, kept, averaged, shown."""
