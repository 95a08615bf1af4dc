"""Tests, and what they share; `python -m tests.http_server` serves by itself."""
