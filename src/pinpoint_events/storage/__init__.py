"""One SQLite file that many threads and processes write; the schema is handed in."""
