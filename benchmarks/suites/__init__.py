"""The suites, one a file; each gives `cases(quick)`."""
