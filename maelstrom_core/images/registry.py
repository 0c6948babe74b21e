"""Speaks with a registry: manifests and blobs over HTTP. The one door to httpx.

https://github.com/opencontainers/distribution-spec (pulling), with Docker's ways of logging in. What
arrives is not believed: whoever asks for a digest checks it.
"""

import ipaddress
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx

from maelstrom_core.errors import HostError, InputError, PeerError, UsageError
from maelstrom_core.images.challenge import Challenge, challenges
from maelstrom_core.images.credentials import Credentials
from maelstrom_core.images.credentials_plan import Login
from maelstrom_core.images.documents import INDEXES, MANIFESTS, MOST_BYTES
from maelstrom_core.images.reference import DOCKER_HUB, InRegistry
from maelstrom_core.images.stop import Stop
from maelstrom_core.images.trust import ssl_context

ACCEPTED = ", ".join((*INDEXES, *MANIFESTS))
ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 30.0
_SAY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_OF_OURS = re.compile("certificate required|bad certificate|unknown ca", re.IGNORECASE)
"""What the other side of TLS says of a client's certificate; asking again changes nothing."""
_TIMEOUT = httpx.Timeout(30.0, connect=15.0)


class Registry:
    """One repository of one registry; a context manager. Safe for many threads.

    :param environment: variables: certificates, logins, proxies
    :param insecure: hosts that may speak without TLS, or with certificates of nobody known
    :param stop: set when nobody wants anything any more
    """

    def __init__(
        self,
        reference: InRegistry,
        *,
        environment: Mapping[str, str],
        insecure: frozenset[str],
        stop: Stop,
    ) -> None:
        self.host, self.repository = reference.host, reference.repository
        self._is_insecure = self.host in insecure or _is_loopback(self.host)
        self._stop = stop
        self._sockets: list[socket.socket] = []
        self._connected: dict[int, socket.socket] = {}
        self._shaking: dict[int, socket.socket] = {}
        # Of every request: whichever of them waits is to be woken.
        self._traced = {"trace": self._trace}
        stop.calls(self._break_off)
        self._credentials = Credentials(environment)
        self._lock = threading.Lock()
        self._authorization = ""
        self._base = ""
        context = ssl_context(self.host, environment, verified=not self._is_insecure)
        self._client = httpx.Client(
            verify=context,
            timeout=_TIMEOUT,
            follow_redirects=True,
            headers={"User-Agent": "maelstrom"},
        )

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _break_off(self) -> None:
        """Wake threads that wait for a registry which says nothing."""
        for one in (*list(self._sockets), *list(self._shaking.values())):
            with suppress(OSError):  # closed already, or the one below a socket with TLS
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        thread = threading.get_ident()
        if event == "connection.start_tls.started" and thread in self._connected:
            # TLS takes the descriptor away from the socket that is known, and gives one back when
            # both sides have agreed, which one that is silent never does.
            with suppress(OSError):
                self._shaking[thread] = self._connected[thread].dup()
        elif event.startswith("connection.start_tls.") and thread in self._shaking:
            self._shaking.pop(thread).close()
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            known = info["return_value"].get_extra_info("socket")
            self._connected[thread] = known
            self._sockets.append(known)
        if self._stop.is_set():
            self._break_off()  # it was set while nobody knew of this socket

    def manifest(self, wanted: str) -> tuple[bytes, str]:
        """A manifest or index, and what it was sent as.

        :param wanted: tag or digest
        """
        with self._get(f"manifests/{wanted}", {"Accept": ACCEPTED}) as response:
            return _all_of(response), response.headers.get("Content-Type", "")

    def document(self, digest: str) -> bytes:
        """A small blob."""
        with self._get(f"blobs/{digest}", {}) as response:
            return _all_of(response)

    @contextmanager
    def blob(self, digest: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """A blob's bytes, from a place on.

        :param start: where to begin
        :return: where the registry begins, which is either there or at zero; and the bytes
        """
        # Compressed layers are not to be compressed once more, and ranges are those of the blob.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._get(f"blobs/{digest}", headers) as response:
            found = 0
            if response.status_code == 206:
                match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
                if match is None or int(match[1]) != start:
                    raise PeerError(f"{self.host} answers with bytes that it was not asked for")
                found = start
            # In the pieces in which they come: what is gathered first is lost when it breaks off.
            yield found, response.iter_raw()

    @contextmanager
    def _get(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Ask, log in if that is wanted, and ask again where the registry is busy."""
        url = f"{self._found()}/v2/{self.repository}/{path}"
        refused = 0
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            used = self._authorization
            own = {"Authorization": used} if used else {}
            request = self._client.build_request(
                "GET", url, headers={**headers, **own}, extensions=self._traced
            )
            try:
                response = self._client.send(request, stream=True)
            except httpx.TransportError as error:
                # Nobody who is there at all refuses more often than once.
                if (
                    last
                    or self._stop.is_set()
                    or _OF_OURS.search(str(error))
                    or (isinstance(error, httpx.ConnectError) and attempt)
                ):
                    raise self._unreachable(error) from None
                self._pause(attempt, "")
                continue
            try:
                if response.status_code == 401 and refused < 2:
                    # A second time, since the first token may have been too old.
                    refused += 1
                    self._log_in(response, used)
                    continue
                if response.status_code in _SAY_AGAIN and not last:
                    self._pause(attempt, response.headers.get("Retry-After", ""))
                    continue
                if response.status_code not in (200, 206):
                    raise self._refusal(response, path)
                yield response
                return
            finally:
                response.close()
        raise self._login_failed("")

    def _found(self) -> str:
        """Where the registry is: with TLS, or without where that is allowed."""
        with self._lock:
            if self._base:
                return self._base
            name = "registry-1.docker.io" if self.host == DOCKER_HUB else self.host
            self._base = f"https://{name}"
            if self._is_insecure:
                try:
                    self._client.get(f"{self._base}/v2/", extensions=self._traced)
                except httpx.TransportError:
                    self._base = f"http://{name}"
            return self._base

    def _pause(self, attempt: int, retry_after: str) -> None:
        seconds = 0.25 * 2.0**attempt
        if retry_after.isdecimal() and len(retry_after) < 6:
            seconds = max(seconds, float(retry_after))
        if self._stop.wait(min(seconds, _LONGEST_WAIT_SECONDS)):
            raise InputError("cancelled", ["nobody wants this image any more"])

    def _log_in(self, response: httpx.Response, used: str) -> None:
        """Get what the registry asks for, unless another thread has got it meanwhile."""
        with self._lock:
            if self._authorization != used:
                return
            told = challenges(response.headers.get("WWW-Authenticate", ""))
            login = self._credentials.login(self.host, self.repository)
            for challenge in told:
                if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                    self._authorization = f"Bearer {self._token(challenge, login)}"
                    return
            if any(challenge.scheme == "basic" for challenge in told):
                if login is None or login.refresh or used:
                    raise self._login_failed("" if login is None else "that of a file was refused")
                packed = httpx.BasicAuth(login.user, login.secret)
                self._authorization = packed._auth_header
                return
        raise PeerError(f"{self.host} wants a login in a way that it does not name")

    def _token(self, challenge: Challenge, login: Login | None) -> str:
        realm = challenge.parameters["realm"]
        if urlsplit(realm).scheme != "https" and not self._base.startswith("http://"):
            raise PeerError(f"{self.host} sends to {realm[:200]!r} for a token, which is not safe")
        scope = challenge.parameters.get("scope") or f"repository:{self.repository}:pull"
        asked = {"service": challenge.parameters.get("service", ""), "scope": scope}
        try:
            if login is not None and login.refresh:
                form = {"grant_type": "refresh_token", "client_id": "maelstrom"}
                request = self._client.build_request(
                    "POST",
                    realm,
                    data={**asked, **form, "refresh_token": login.secret},
                    extensions=self._traced,
                )
            else:
                request = self._client.build_request(
                    "GET", realm, params=asked, extensions=self._traced
                )
            auth = None if login is None or login.refresh else (login.user, login.secret)
            response = self._client.send(request, auth=auth, stream=True)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from None
        try:
            if response.status_code in (400, 401, 403):
                raise self._login_failed("the login was refused" if login else "")
            if response.status_code != 200:
                raise self._refusal(response, f"a token from {realm[:200]}")
            token = _token_of(_all_of(response))
        finally:
            response.close()
        if not token:
            raise PeerError(f"{self.host}: {realm[:200]!r} answers without a token")
        return token

    def _unreachable(self, error: Exception) -> HostError:
        text = str(error) or type(error).__name__
        remedy = "is the network there, and the name right? what was brought so far is kept"
        if _OF_OURS.search(text):
            remedy = (
                "it wants a certificate of yours: put that and its key into "
                f"~/.docker/certs.d/{self.host}/client.cert and client.key"
            )
        elif "CERTIFICATE" in text or "certificate" in text:
            remedy = (
                f"put its authority's certificate into ~/.docker/certs.d/{self.host}/ca.crt, or "
                f"name {self.host} among the insecure-registries"
            )
        elif "SSL" in text:
            remedy = f"if it speaks without TLS, name {self.host} among the insecure-registries"
        return HostError(f"the registry {self.host} cannot be reached: {text}", remedy=remedy)

    def _login_failed(self, why: str) -> UsageError:
        told = "; ".join([why, *self._credentials.troubles]).strip("; ")
        return UsageError(
            f"{self.host} wants a login for {self.repository}" + (f" ({told})" if told else ""),
            remedy=f"docker login {self.host}, or podman login {self.host}; or is the name wrong?",
        )

    def _refusal(self, response: httpx.Response, path: str) -> Exception:
        told = _words_of(response)
        what = f"{self.host}/{self.repository}: {path[:120]}"
        match response.status_code:
            case 401 | 403:
                return self._login_failed(told)
            case 404:
                return UsageError(f"{what} is not there{told and f' ({told})'}")
            case 429:
                remedy = "wait, or log in: registries let those who did ask more often"
                return HostError(f"{self.host} has been asked too often", remedy=remedy)
            case status:
                return PeerError(
                    f"{what}: the registry answers with status {status} {told}".rstrip()
                )


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _all_of(response: httpx.Response) -> bytes:
    data = bytearray()
    for chunk in response.iter_bytes():
        data += chunk
        if len(data) > MOST_BYTES:
            raise PeerError(f"{response.url.host} sends a document of more than {MOST_BYTES} bytes")
    return bytes(data)


def _token_of(data: bytes) -> str:
    try:
        plain: Any = json.loads(data)
        token = plain.get("token") or plain.get("access_token") or ""
    except (ValueError, AttributeError):
        return ""
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""


def _words_of(response: httpx.Response) -> str:
    """What a registry says of its refusal, shortened, with nothing that a terminal would obey."""
    try:
        errors = json.loads(_all_of(response))["errors"]
        text = "; ".join(str(one.get("message") or one.get("code")) for one in errors)
    except (ValueError, KeyError, TypeError, AttributeError, httpx.HTTPError, PeerError):
        return ""
    return "".join(letter for letter in text if letter.isprintable())[:200]
