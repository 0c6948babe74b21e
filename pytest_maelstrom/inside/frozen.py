"""A copy of an overlay's writable layer, so that it can be a lower layer of others.

The layer itself must not be: what an overlay has mounted for writing is its own.
"""

import contextlib
import os
import shutil
import stat

_OPAQUE = "user.overlay.opaque"


def copy_layer(source: str, target: str) -> None:
    """Copy all that is in a directory into another one: files, links, whiteouts, opaque marks.

    What cannot be copied (sockets, what vanishes meanwhile) is left out.
    """
    with os.scandir(source) as entries:
        for entry in entries:
            try:
                _copy(entry, os.path.join(target, entry.name))
            except OSError:
                continue


def _copy(entry: "os.DirEntry[str]", target: str) -> None:
    status = entry.stat(follow_symlinks=False)
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        os.mkdir(target, 0o700)
        copy_layer(entry.path, target)
        with contextlib.suppress(OSError):  # most cover nothing
            os.setxattr(target, _OPAQUE, os.getxattr(entry.path, _OPAQUE))
        os.chmod(target, stat.S_IMODE(status.st_mode))
    elif kind == stat.S_IFREG:
        shutil.copyfile(entry.path, target)
        os.chmod(target, stat.S_IMODE(status.st_mode))
    elif kind == stat.S_IFLNK:
        os.symlink(os.readlink(entry.path), target)
        return
    elif kind in (stat.S_IFCHR, stat.S_IFIFO):
        # A character device 0/0 is a whiteout: what was deleted stays deleted.
        os.mknod(target, status.st_mode, status.st_rdev)
    else:
        return
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
