"""What each step of the embedding pipeline is worth: `python -m benchmarks.ablations`."""
