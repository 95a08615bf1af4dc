"""The service's names of members."""

__all__ = ["wire_name"]


def wire_name(name: str) -> str:
    """Return the service's name of a member: the PascalCase of ours."""
    return "".join(word.capitalize() for word in name.split("_"))
