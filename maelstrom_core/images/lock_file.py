"""``maelstrom-images.lock``: which digest each tag stands for, so that runs repeat.

A tag is looked up once, when it is first used; from then on its line holds, on every machine that has
the file. The digest is that of an index where there is one, so it holds for every platform.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from maelstrom_core.errors import InputError
from maelstrom_core.settings.toml_file import read_toml
from maelstrom_core.store import locks

FILE = "maelstrom-images.lock"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD = """\
# Which image each name stood for when it was first used. Keep this file with your project: all who
# have it run their tests in the same images. `maelstrom image update` looks all of them up again.
version = 1

[images]
"""


def read(project: Path) -> dict[str, str]:
    """Digests by canonical name; nothing if there is no file.

    :raises InputError: for a file that is no such thing, all its faults
    """
    plain = read_toml(project / FILE)
    if plain is None:
        return {}
    faults = [f"{key}: unknown; known: version, images" for key in {*plain} - {"version", "images"}]
    if plain.get("version") != 1:
        faults.append(f"version: {plain.get('version')!r}; this program reads version 1")
    images = plain.get("images", {})
    if not isinstance(images, dict):
        faults.append("images: expected a table")
        images = {}
    for name, digest in images.items():
        if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
            faults.append(f"images.{name!r}: expected a sha256 digest, not {digest!r}")
    if faults:
        remedy = "mend it, or remove it: it is made anew"
        raise InputError(f"{project / FILE} cannot be used", faults, remedy=remedy)
    return images


def change(project: Path, digests: Mapping[str, str]) -> None:
    """Write more lines; what other processes wrote meanwhile stays.

    :raises OSError: if it cannot be written
    """
    with locks.exclusive(project):
        path = project / FILE
        all_digests = {**read(project), **digests}
        lines = "".join(f'"{name}" = "{digest}"\n' for name, digest in sorted(all_digests.items()))
        temporary = project / f".{FILE}-{os.getpid()}"
        try:
            temporary.write_text(_HEAD + lines, encoding="utf-8")
            os.rename(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
