"""Where a wheel has the repository's `examples/`, which setup.cfg (`package_dir`) puts in the place of this one."""
