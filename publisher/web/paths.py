"""Request paths: which file of the tree one names."""

from __future__ import annotations


def file_name(path: str) -> str | None:
    """The file of a request path without its first slash; None where it cannot be one.

    Parts that are empty, begin with a dot (`.well-known` apart) or hold a backslash or a
    control character lead nowhere. Neither do files at the top that begin with `_`: they
    direct servers.
    """
    name = f"{path}index.html" if not path or path.endswith("/") else path
    if name.startswith("_"):
        return None
    for part in name.split("/"):
        if not part or (part.startswith(".") and part != ".well-known"):
            return None
        if any(character == "\\" or ord(character) < 32 for character in part):
            return None
    return name
