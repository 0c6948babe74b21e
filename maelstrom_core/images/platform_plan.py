"""Which image of an index is for this machine. Pure."""

from collections.abc import Sequence

from maelstrom_core.images.documents import BadImage, Choice, Platform

_MACHINES = {
    "x86_64": Platform("amd64"),
    "aarch64": Platform("arm64", variant="v8"),
    "armv7l": Platform("arm", variant="v7"),
    "i686": Platform("386"),
    "ppc64le": Platform("ppc64le"),
    "riscv64": Platform("riscv64"),
    "s390x": Platform("s390x"),
}
_USUAL = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
"""The variant that is meant where none is named (containerd's platforms.Normalize)."""


def platform_of(machine: str) -> Platform:
    """What images call a machine.

    :param machine: as ``uname -m`` says
    """
    return _MACHINES.get(machine, Platform(machine))


def choose(choices: Sequence[Choice], platform: Platform) -> Choice:
    """The image for a platform: the best variant that it can run.

    The only image of an index is taken if it does not say what it is for.

    :raises BadImage: if there is none, with those that there are
    """
    images = [one for one in choices if not one.is_attestation]
    fitting = [one for one in images if one.platform is not None and _fits(one.platform, platform)]
    if fitting:
        return min(fitting, key=lambda one: _distance(one.platform, platform))
    if len(images) == 1 and images[0].platform is None:
        return images[0]
    told = ", ".join(sorted({str(one.platform or "one that does not say") for one in images}))
    raise BadImage(f"there is no image for {platform}; there are: {told or 'none'}")


def _number(platform: Platform) -> int:
    variant = platform.variant or _USUAL.get(platform.architecture, "")
    digits = variant.lstrip("v").partition(".")[0]
    return int(digits) if digits.isdecimal() and len(digits) < 4 else 0


def _fits(one: Platform, wanted: Platform) -> bool:
    same = (one.os, one.architecture) == (wanted.os, wanted.architecture)
    # Processors run what was made for older ones, and not the other way round.
    return same and _number(one) <= _number(wanted)


def _distance(one: Platform | None, wanted: Platform) -> int:
    return 0 if one is None else _number(wanted) - _number(one)
