"""Registries of Debian's that want certificates of their users, or tokens of somebody else."""

import base64
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from maelstrom_core.errors import HostError, UsageError


@pytest.fixture
def image(maker):
    return maker.image(maker.layer({"a": "1"}), maker.layer({"b": "2"}))


def certificate(directory: Path, name: str, *more: str, kind: str = "ec") -> None:
    """One that has signed itself: NAME.crt and NAME.key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (Debian: openssl)")
    curve = ["-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else []
    files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", kind, *curve, "-nodes", "-days", "2"),
            *(*files, "-subj", f"/CN={name}", *more),
        ],
        cwd=directory,
        check=True,
        capture_output=True,
    )


def own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address: str = one.getsockname()[0]
        return address


def test_a_registry_that_wants_a_certificate_of_its_users(start_registry, image, bring, tmp_path):
    address = own_address()
    certificate(tmp_path, "server", "-addext", f"subjectAltName=IP:{address}")
    certificate(tmp_path, "ann")
    certificate(tmp_path, "eve")
    context = ssl.create_default_context(cafile=tmp_path / "server.crt")
    context.load_cert_chain(tmp_path / "ann.crt", tmp_path / "ann.key")
    tls = (
        f"  tls: {{certificate: {tmp_path}/server.crt, key: {tmp_path}/server.key, "
        f"clientcas: [{tmp_path}/ann.crt]}}\n"
    )
    registry = start_registry(address, "", tls, verify=context)
    registry.push(image, "guarded/it:1")
    name = f"docker://{registry.host}/guarded/it:1"
    known = tmp_path / "home" / ".docker" / "certs.d" / registry.host
    known.mkdir(parents=True)

    def give(who: str) -> None:
        shutil.copy(tmp_path / f"{who}.crt", known / "client.cert")
        shutil.copy(tmp_path / f"{who}.key", known / "client.key")

    shutil.copy(tmp_path / "server.crt", known / "ca.crt")
    with pytest.raises(HostError, match=rf"certs.d/{registry.host}/client.cert and client.key"):
        bring(name)
    give("eve")
    with pytest.raises(HostError, match=rf"certs.d/{registry.host}/client.cert and client.key"):
        bring(name)
    give("ann")
    assert bring(name).names() == {"a", "b"}
    (known / "client.key").unlink()
    with pytest.raises(UsageError, match=r"client\.cert cannot be used"):
        bring(name, look_up=True)


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@attrs.define
class TokenServer:
    """Gives tokens as Docker Hub does: of public repositories to all, of others to whom they belong.

    https://distribution.github.io/distribution/spec/auth/token/ and …/jwt/: JSON Web Tokens, signed
    with a key whose certificate the registry knows.

    :param asked: who asked, and for which scopes
    """

    directory: Path
    address: str = ""
    asked: list[tuple[str, list[str]]] = attrs.field(factory=list)

    def token(self, *repositories: str, actions: tuple[str, ...] = ("pull",)) -> str:
        body = (self.directory / "tokens.crt").read_text().split("-----")[2]
        header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(body.split())]}
        now = int(time.time())
        claims = {
            "iss": "own issuer",
            "sub": "",
            "aud": "own registry",
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": str(len(self.asked)),
            "access": [
                {"type": "repository", "name": name, "actions": list(actions)}
                for name in repositories
            ],
        }
        signed = ".".join(unpadded(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.directory / "tokens.key"],
            input=signed.encode(),
            capture_output=True,
            check=True,
        )
        return f"{signed}.{unpadded(signature.stdout)}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(request.path).query)
        packed = (request.headers.get("Authorization") or "").removeprefix("Basic ")
        who = base64.b64decode(packed).decode()
        self.asked.append((who, query["scope"]))
        right = query["service"] == ["own registry"] and who in ("", "ann:secret")
        names = [scope.split(":")[1] for scope in query["scope"]]
        allowed = [name for name in names if who or name.startswith("library/")]
        answer = {"token": self.token(*allowed), "expires_in": 300} if right else {"details": "no"}
        data = json.dumps(answer).encode()
        request.send_response(200 if right else 401)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    certificate(tmp_path, "tokens", kind="rsa:2048")
    server = TokenServer(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            server.answer(self)

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.address = f"127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_tokens_of_a_server_as_docker_hub_has_it(
    start_registry: Callable[..., object], tokens, image, bring, tmp_path
):
    auth = (
        f"auth:\n  token: {{realm: 'http://{tokens.address}/token', service: own registry, "
        f"issuer: own issuer, rootcertbundle: {tmp_path}/tokens.crt}}\n"
    )
    pushing = tokens.token("library/it", "private/it", actions=("pull", "push"))
    registry = start_registry(extra=auth, headers={"Authorization": f"Bearer {pushing}"})
    registry.push(image, "library/it:1")
    registry.push(image, "private/it:1")

    assert bring(f"docker://{registry.host}/library/it:1").names() == {"a", "b"}
    assert set(map(repr, tokens.asked)) == {repr(("", ["repository:library/it:pull"]))}
    # Nobody is told of a repository that is not theirs.
    with pytest.raises(UsageError, match="wants a login for private/it"):
        bring(f"docker://{registry.host}/private/it:1")

    def log_in(secret: str) -> None:
        directory = tmp_path / "home" / ".docker"
        directory.mkdir(parents=True, exist_ok=True)
        packed = base64.b64encode(f"ann:{secret}".encode()).decode()
        text = json.dumps({"auths": {registry.host: {"auth": packed}}})
        (directory / "config.json").write_text(text)

    log_in("wrong")
    with pytest.raises(UsageError, match=r"wants a login for private/it .the login was refused"):
        bring(f"docker://{registry.host}/private/it:1")
    log_in("secret")
    assert bring(f"docker://{registry.host}/private/it:1").names() == {"a", "b"}
    assert tokens.asked[-1] == ("ann:secret", ["repository:private/it:pull"])
