"""The typed batch and the typed answer: immutable attrs classes, no wire, no I/O."""
