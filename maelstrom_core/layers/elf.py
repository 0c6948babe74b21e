"""The shared libraries that ELF programs need, found as ld.so(8) finds them."""

import os
import re
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path

import attrs
from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from maelstrom_core.errors import InputError

_DEFAULT = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_CONFIGURATION = "/etc/ld.so.conf"


@attrs.frozen
class Needs:
    """What one file asks for.

    :param machine: ELF class and machine; a library of another does not fit
    """

    machine: tuple[int, str]
    interpreter: str
    names: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]


def needs_of(path: str) -> Needs | None:
    """What an ELF file asks for; ``None`` for a file of another kind.

    :raises OSError: if it cannot be read
    """
    with open(path, "rb") as file:
        try:
            elf = ELFFile(file)
            interpreter = "".join(
                segment.get_interp_name()
                for segment in elf.iter_segments()
                if isinstance(segment, InterpSegment)
            )
            tags: dict[str, list[str]] = {"DT_NEEDED": [], "DT_RPATH": [], "DT_RUNPATH": []}
            for section in elf.iter_sections():
                if isinstance(section, DynamicSection):
                    for tag in section.iter_tags():
                        if tag.entry.d_tag in tags:
                            name = tag.entry.d_tag[3:].lower()
                            tags[tag.entry.d_tag].append(getattr(tag, name))
        except (ELFError, UnicodeDecodeError, ValueError, KeyError, AttributeError):
            return None
        machine = (elf.elfclass, elf.header.e_machine)

    def directories(tag: str) -> tuple[str, ...]:
        return tuple(part for text in tags[tag] for part in text.split(":") if part)

    runpath = directories("DT_RUNPATH")
    rpath = () if runpath else directories("DT_RPATH")
    return Needs(machine, interpreter, tuple(tags["DT_NEEDED"]), rpath, runpath)


def closure(binaries: list[str], variable: Sequence[str] = ()) -> list[str]:
    """Paths of all libraries and interpreters that the binaries need, not themselves.

    :param variable: directories that ``LD_LIBRARY_PATH`` will name
    :raises InputError: all faults: what is not ELF, what cannot be read, what cannot be found
    """
    found: dict[str, None] = {}
    faults: list[str] = []
    first = tuple(one for one in variable if one)
    system = (*configured(_CONFIGURATION), *_DEFAULT)
    for binary in binaries:
        try:
            needs = needs_of(binary)
        except OSError as error:
            faults.append(f"{binary}: {error.strerror}")
            continue
        if needs is None:
            faults.append(f"{binary}: not an ELF file")
            continue
        if needs.interpreter:
            found[needs.interpreter] = None
        _resolve(binary, needs, (), (first, system), found, faults)
    if faults:
        raise InputError("shared libraries", faults)
    return list(found)


def _resolve(
    path: str,
    needs: Needs,
    inherited: tuple[str, ...],
    others: tuple[tuple[str, ...], tuple[str, ...]],
    found: dict[str, None],
    faults: list[str],
) -> None:
    origin = os.path.dirname(os.path.realpath(path))

    def at(directories: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(re.sub(r"\$(ORIGIN\b|\{ORIGIN\})", origin, one) for one in directories)

    rpath = at(needs.rpath) + inherited
    variable, system = others
    search = (*rpath, *variable, *at(needs.runpath), *system)
    for name in needs.names:
        candidates = [name] if "/" in name else [f"{directory}/{name}" for directory in search]
        for candidate in candidates:
            try:
                inner = needs_of(candidate)
            except OSError:
                continue
            if inner is not None and inner.machine == needs.machine:
                if candidate not in found:
                    found[candidate] = None
                    _resolve(candidate, inner, rpath, others, found, faults)
                break
        else:
            faults.append(f"{path}: needs {name}, which is in none of: {', '.join(search)}")


def configured(path: str) -> Iterator[str]:
    """Directories that ld.so.conf(5) names, ``include`` lines followed."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        words = line.partition("#")[0].split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                for included in sorted(glob(os.path.join(os.path.dirname(path), pattern))):
                    yield from configured(included)
        elif words:
            yield words[0]
