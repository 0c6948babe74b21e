"""Where on the host files of a test go, whose names are not to be trusted. Pure."""

import re

from maelstrom_core.model.digest import Digest

LONGEST_NAME = 255
DEEPEST = 32


class Refused(ValueError):
    """A file that is not written; the message says why."""


def parts_of(path: object) -> list[str]:
    """Names from the test's directory down to a file.

    :raises Refused: for a path that is not plainly below it
    """
    if not isinstance(path, str):
        raise Refused("its name is no text")
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise Refused("its name leads elsewhere")
    if re.search(r"[\x00-\x1f\x7f-\x9f]", path):
        raise Refused("its name holds control characters")
    try:
        lengths = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
    except UnicodeEncodeError:
        raise Refused("its name cannot be written down") from None
    if max(lengths) > LONGEST_NAME or len(parts) > DEEPEST:
        raise Refused("its name is too long")
    return parts


def directory_name(case: str, attempt: int) -> str:
    """The name of the directory of a case's files: readable, harmless, no other case's.

    No character that some file system or uploader of artifacts refuses.
    """
    readable = re.sub(r"[^\w.\[\]=,+-]+", "_", case.replace("::", "-").replace("/", "."))
    again = f".attempt-{attempt}" if attempt > 1 else ""
    shortened = readable.encode("utf-8", "replace")[:160].decode("utf-8", "ignore").lstrip(".-")
    return f"{shortened}-{Digest.of(case.encode('utf-8', 'surrogatepass')).hex[:8]}{again}"
