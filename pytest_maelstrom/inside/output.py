"""Files that a test leaves, sent to the controlling process at its end.

Those in ``$MAELSTROM_OUTPUT``, and those in pytest's temporary directories if the test has failed.
They travel as messages, among the reports. Regular files alone: a link may point at anything, and is
named as refused, as is what does not fit.
"""

import base64
import os
import shutil
import stat
import tempfile
from typing import Any, Iterator, Optional, Tuple

VARIABLE = "MAELSTROM_OUTPUT"
DIRECTORY = "/.maelstrom/output"
CHUNK_BYTES = 192 * 1024


def prepare() -> str:
    """Make the directory, and name it in the environment too."""
    try:
        os.makedirs(DIRECTORY, exist_ok=True)
        directory = DIRECTORY
    except OSError:
        # A container whose root cannot be written to has a /tmp even so.
        directory = tempfile.mkdtemp(prefix="maelstrom-output-")
    os.environ[VARIABLE] = directory
    return directory


def clear(directory: str) -> None:
    """Let the next case find nothing in the directory.

    :param directory: as `prepare` named it
    """
    if os.path.islink(directory):
        os.unlink(directory)
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory, exist_ok=True)


def temporary_directory(factory: Any) -> Optional[str]:
    """Where ``tmp_path`` and its like are, if any was made, and if such are to be kept.

    :param factory: pytest's ``tmp_path_factory``
    """
    if getattr(factory, "_retention_policy", "all") == "none":
        return None
    if getattr(factory, "_retention_count", 3) == 0:
        return None
    directory = getattr(factory, "_basetemp", None)
    return None if directory is None else str(directory)


def send_back(sender: Any, directory: str, most_bytes: int, below: str = "") -> int:
    """Send what is in a directory now.

    :param sender: a `pytest_maelstrom.inside.wire.Sender`
    :param directory: as `prepare` named it; a test may have changed the variable
    :param most_bytes: of all files together
    :param below: where it is to be among the files of the case; pytest's links and lock are left out
    :return: how many bytes more might have been sent
    """
    left = most_bytes
    for path, name, mode in _files(directory):
        if below:
            if name == ".lock" or (stat.S_ISLNK(mode) and name.endswith("current")):
                continue
            name = f"{below}/{name}"
        if not stat.S_ISREG(mode):
            sender.send("output refused", path=name, why="no regular file")
            continue
        try:
            left -= _send(sender, path, name, left)
        except OSError as error:
            sender.send("output refused", path=name, why=os.strerror(error.errno or 0))
    return left


def _files(directory: str) -> Iterator[Tuple[str, str, int]]:
    """Everything but directories below one: path, path relative to it, mode; links unfollowed."""
    if os.path.islink(directory):
        yield directory, ".", stat.S_IFLNK
        return
    for parent, directories, files in os.walk(directory):
        directories.sort()
        for name in sorted([*files, *directories]):
            path = os.path.join(parent, name)
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if not stat.S_ISDIR(mode):
                yield path, os.path.relpath(path, directory), mode


def _send(sender: Any, path: str, name: str, most_bytes: int) -> int:
    """Send one file whole or not at all; how many bytes it had."""
    how = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, how), "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        if found.st_size > most_bytes:
            sender.send("output refused", path=name, why=f"too large: {found.st_size} bytes")
            return 0
        sent = 0
        while True:
            # A process that was left running may still write: no more than was there.
            data = file.read(min(CHUNK_BYTES, found.st_size - sent))
            if data or not sent:
                text = base64.b64encode(data).decode("ascii")
                mode = stat.S_IMODE(found.st_mode)
                size = None if sent else found.st_size
                sender.send("output", path=name, mode=mode, size=size, data=text)
            sent += len(data)
            if not data or sent >= found.st_size:
                return sent
