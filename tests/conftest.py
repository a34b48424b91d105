"""Makes `tests/` importable, so that test modules can use `support`."""
