"""
A botocore session of this package's own, for callers who pass none.

Slow to import; only settings that need a session import it.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from botocore.loaders import JSONFileLoader, create_loader
from botocore.session import Session

__all__ = ["own_session"]

_OPEN: Final[dict[str, Callable[[Path, str], Any]]] = {
    ".json": open,
    ".json.gz": gzip.open,
}


class _PlainFileLoader(JSONFileLoader):  # type: ignore[misc] # botocore has no types
    """
    Reads botocore's data files as plain dicts.

    botocore reads them as ordered dicts, which takes twice as long: 14 ms more for
    `endpoints.json` alone, which every client needs. Plain dicts keep their order, too.
    """

    def load_file(self, file_path: str) -> Any:
        """Return what a file holds, or None if there is no such file."""
        for extension, open_file in _OPEN.items():
            path = Path(file_path + extension)
            if path.is_file():
                with open_file(path, "rb") as file:
                    return json.loads(file.read())
        return None


def own_session() -> Any:
    """Return a session that takes everything from the environment and AWS' files."""
    session = Session()
    loader = create_loader(session.get_config_variable("data_path"))
    loader.file_loader = _PlainFileLoader()
    session.register_component("data_loader", loader)
    return session
