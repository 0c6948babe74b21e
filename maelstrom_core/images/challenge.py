"""What a registry asks for when it refuses: the header ``WWW-Authenticate``. Pure.

RFC 9110, section 11.6.1, and https://distribution.github.io/distribution/spec/auth/token/.
"""

import re
from collections.abc import Mapping

import attrs

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"\s*,?\s*({_TOKEN})(?=\s|,|$)")
_PARAMETER = re.compile(rf'\s*,?\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))')


@attrs.frozen
class Challenge:
    """One way in.

    :param scheme: in lower case (``bearer``, ``basic``)
    :param parameters: names in lower case
    """

    scheme: str
    parameters: Mapping[str, str] = attrs.field(factory=dict)


def challenges(header: str) -> tuple[Challenge, ...]:
    """All of a header, in order; what cannot be understood ends it."""
    found = []
    at = 0
    while (scheme := _SCHEME.match(header, at)) is not None:
        at = scheme.end()
        parameters: dict[str, str] = {}
        while (one := _PARAMETER.match(header, at)) is not None:
            at = one.end()
            quoted = one[2]
            value = one[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(one[1].lower(), value)
        found.append(Challenge(scheme[1].lower(), parameters))
    return tuple(found)
