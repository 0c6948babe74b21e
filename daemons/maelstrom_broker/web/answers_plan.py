"""What a request of HTTP is answered with, and whether it is let in. Pure.

Nothing can be changed: methods are GET and HEAD, and requests have no bodies. What jobs are called and
what they have written is for those alone who show the token, wherever the page is.

A site of somebody else whose name leads here all of a sudden (DNS rebinding) is known by its name in
``Host``; addresses are not names, and nobody can make them lead elsewhere.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from hmac import compare_digest

import attrs

from maelstrom_broker.web.frame_plan import notice
from maelstrom_broker.web.metrics_plan import CONTENT_TYPE

MOST_HEAD_BYTES = 16 << 10
"""Of a request: its line and its headers."""
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d{1,5})?")
_COOKIE_SECONDS = 30 * 86_400
_LOCAL = frozenset({"localhost"})


class Wanted(Enum):
    """What can be asked for: its path, and what it is."""

    PAGE = "/", "text/html; charset=utf-8"
    LIVE = "/live", "text/html; charset=utf-8"
    RUN = "/run", "text/html; charset=utf-8"
    RUN_LIVE = "/live/run", "text/html; charset=utf-8"
    CASE = "/case", "text/html; charset=utf-8"
    CASE_LIVE = "/live/case", "text/html; charset=utf-8"
    STATUS = "/api/status", "application/json"
    METRICS = "/metrics", CONTENT_TYPE
    STYLE = "/page.css", "text/css; charset=utf-8"
    SCRIPT = "/page.js", "text/javascript; charset=utf-8"
    ICON = "/icon.svg", "image/svg+xml"

    @property
    def path(self) -> str:
        """Where it is."""
        return self.value[0]

    @property
    def content_type(self) -> str:
        """For its header."""
        return self.value[1]


_AT = {wanted.path: wanted for wanted in Wanted}
_OF_CASES = frozenset({Wanted.RUN, Wanted.RUN_LIVE, Wanted.CASE, Wanted.CASE_LIVE})
"""What tells of jobs."""
_SESSION = re.compile(r"(?:^|&)session=([0-9a-f]{32})(?:&|$)")
_TAG = re.compile(r"(?:^|&)job=([0-9]{1,19})(?:&|$)")


@attrs.frozen
class View:
    """What to send.

    :param session: of the run that is asked for, in hexadecimal; empty if none is
    :param tag: of its job; negative if none is asked for
    :param sees_cases: whether whoever asks may see what jobs are called and have written
    """

    wanted: Wanted
    session: str = ""
    tag: int = -1
    sees_cases: bool = False


@attrs.frozen
class Access:
    """Who is let in.

    :param names: that this machine goes by, besides addresses and ``localhost``; lower case
    :param token: that is to be shown
    :param cookie: name of the cookie in which a browser keeps it
    :param is_open: whether all but what tells of jobs can be read without the token
    """

    names: frozenset[str]
    token: str
    cookie: str
    is_open: bool = False


@attrs.frozen
class Asked:
    """A request.

    :param headers: names in lower case
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]

    def all_of(self, name: str) -> list[str]:
        """Values of a header."""
        return [value for known, value in self.headers if known == name]


@attrs.frozen
class Answer:
    """What is said instead of what was asked for.

    :param headers: besides those that every answer has
    :param is_last: the connection ends with it
    """

    status: int
    text: str
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = attrs.field(factory=dict)
    is_last: bool = False


SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every answer."""


def decide(asked: Asked, access: Access) -> View | Answer:
    """What to send, or what to say instead."""
    if asked.method not in ("GET", "HEAD"):
        text = "this page can only be read: GET and HEAD\n"
        return Answer(405, text, headers={"Allow": "GET, HEAD"}, is_last=True)
    if asked.all_of("transfer-encoding") or any(
        length.strip() != "0" for length in asked.all_of("content-length")
    ):
        return Answer(413, "requests have no bodies here\n", is_last=True)
    if fault := _host_fault(asked, access):
        return Answer(421, fault, is_last=True)
    path, _, query = asked.target.partition("?")
    is_known = _is_known(asked, access)
    wanted = _AT.get(path)
    if wanted is Wanted.PAGE and query.startswith("token="):
        return _let_in(query.removeprefix("token="), access)
    if not is_known and (wanted in _OF_CASES or not access.is_open):
        return _ASK_FOR_TOKEN
    if wanted is None:
        public = ", ".join(path for path, one in _AT.items() if one not in _OF_CASES)
        return Answer(404, f"there is {public}\n")
    session, tag = _SESSION.search(query), _TAG.search(query)
    return View(
        wanted,
        "" if session is None else session[1],
        -1 if tag is None else int(tag[1]),
        is_known,
    )


def _host_fault(asked: Asked, access: Access) -> str:
    hosts = asked.all_of("host")
    match = _HOST.fullmatch(hosts[0].strip().lower()) if len(hosts) == 1 else None
    if match is None:
        return "a request names one host\n"
    host = match[1]
    if _ADDRESS.fullmatch(host) or host in _LOCAL or host in access.names:
        return ""
    return (
        f"the broker's page does not go by the name {host}: if it should, name that in the broker's "
        "setting web-names\n"
    )


def _is_known(asked: Asked, access: Access) -> bool:
    shown = [
        value.removeprefix("Bearer ").strip()
        for value in asked.all_of("authorization")
        if value.startswith("Bearer ")
    ]
    for line in asked.all_of("cookie"):
        for pair in line.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == access.cookie:
                shown.append(value)
    return any(_same(one, access.token) for one in shown)


_ASK_FOR_TOKEN = Answer(
    401,
    notice(
        "A token is needed",
        "Open the link that the broker has shown when it was started, or take the token from the "
        "file web-token in the cluster's directory: http://…/?token=…. For programs: "
        "Authorization: Bearer …",
    ),
    Wanted.PAGE.content_type,
    {"WWW-Authenticate": "Bearer"},
)


def _let_in(token: str, access: Access) -> Answer:
    """Whoever comes by the link gets a cookie, and an address without the token."""
    if not _same(token, access.token):
        text = notice("That is not the token", "It is in the file web-token of the cluster.")
        return Answer(403, text, Wanted.PAGE.content_type)
    # Lax: a link in a message may be followed. Nothing can be changed here, from whatever site.
    cookie = f"{access.cookie}={access.token}; Path=/; HttpOnly; SameSite=Lax"
    return Answer(
        303,
        "",
        headers={"Location": "/", "Set-Cookie": f"{cookie}; Max-Age={_COOKIE_SECONDS}"},
    )


def _same(said: str, token: str) -> bool:
    """In the same time, however much of it is right."""
    return token != "" and compare_digest(said.encode(errors="replace"), token.encode())
