"""One SQLite file for many threads and processes; the caller supplies the schema."""
