"""What it costs, side by side with the peers: each module runs by itself, `python -m benchmarks.startup`."""
