"""The name of a project that is the same on all machines. Pure.

A checkout is known by where it was cloned from, however that is written: ``git@host:a/b.git`` and
``https://user@host/a/b`` are one.
"""

import re

_URL = re.compile(
    r"^[a-z][a-z0-9+.-]*://(?:[^/@]*@)?(?P<host>[^/:]+|\[[^]]*\])(?::\d+)?/(?P<path>.*)$", re.I
)
_SHORT = re.compile(r"^(?:[^/@:]+@)?(?P<host>[^/:]+|\[[^]]*\]):(?P<path>.+)$")
"""As ``scp`` writes it."""


def name_of_remote(url: str, below: str) -> str:
    """Name of a project that was cloned.

    :param url: where from; a path, if that is on the same machine
    :param below: where in the repository it is, empty for its root
    :return: empty if it was cloned from nowhere that others could
    """
    url = url.strip()
    found = _URL.match(url) or _SHORT.match(url)
    if found is None or url.lower().startswith("file:"):
        return ""
    path = found["path"].strip("/").removesuffix(".git")
    return "/".join(part for part in (found["host"].lower(), path, below.strip("/")) if part)
