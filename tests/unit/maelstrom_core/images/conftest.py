"""Images made by hand, registries that are real, and one that does as it is told."""

import gzip
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import zstandard

from maelstrom_core.images.pull import Pulling, pull
from maelstrom_core.model.images import Image
from maelstrom_core.store import Store

OCI, DOCKER = "application/vnd.oci.image", "application/vnd.docker"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@attrs.define
class Made:
    """An image by hand: its blobs by digest, and a descriptor of its manifest or index."""

    blobs: dict[str, bytes]
    root: dict[str, Any]

    @property
    def digest(self) -> str:
        digest: str = self.root["digest"]
        return digest

    def write(self, directory: Path, *tags: str) -> Path:
        """As an OCI layout."""
        for digest, data in self.blobs.items():
            path = directory / "blobs" / "sha256" / digest.partition(":")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        named = [
            {**self.root, "annotations": {"org.opencontainers.image.ref.name": tag}} for tag in tags
        ]
        index = {"schemaVersion": 2, "manifests": named or [self.root]}
        (directory / "index.json").write_text(json.dumps(index))
        (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return directory


@attrs.frozen
class Maker:
    """Makes images."""

    def layer(self, files: Mapping[str, object], mtime: int = 1_600_000_000) -> bytes:
        """A layer: text of a file, ``None`` for a directory, a `TarInfo` as it is."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, content in files.items():
                member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
                member.name, member.mtime = name, member.mtime or mtime
                if content is None:
                    member.type, member.mode = tarfile.DIRTYPE, 0o755
                data = content.encode() if isinstance(content, str) else b""
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return buffer.getvalue()

    def image(
        self,
        *layers: bytes,
        compress: str = "gzip",
        docker: bool = False,
        architecture: str = MACHINE,
        **config: object,
    ) -> Made:
        """An image of layers, lowest first."""
        squeeze: Callable[[bytes], bytes] = {
            "gzip": gzip.compress,
            "zstd": zstandard.ZstdCompressor().compress,
            "": bytes,
        }[compress]
        blobs: dict[str, bytes] = {}

        def add(data: bytes, media_type: str) -> dict[str, Any]:
            blobs[digest_of(data)] = data
            return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

        ending = f"{'.' if docker else '+'}{compress}" if compress else ""
        kind = f"{DOCKER}.image.rootfs.diff.tar" if docker else f"{OCI}.layer.v1.tar"
        described = {
            "architecture": architecture,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
        }
        own = f"{DOCKER}.container.image.v1+json" if docker else f"{OCI}.config.v1+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{DOCKER}.distribution.manifest.v2+json"
            if docker
            else f"{OCI}.manifest.v1+json",
            "config": add(json.dumps(described).encode(), own),
            "layers": [add(squeeze(layer), kind + ending) for layer in layers],
        }
        return Made(blobs, add(json.dumps(manifest).encode(), manifest["mediaType"]))

    def index(self, *images: tuple[Made, Mapping[str, str]], docker: bool = False) -> Made:
        """An index of images, each with its platform."""
        kind = f"{DOCKER}.distribution.manifest.list.v2+json" if docker else f"{OCI}.index.v1+json"
        choices = [{**image.root, "platform": platform} for image, platform in images]
        plain = {"schemaVersion": 2, "mediaType": kind, "manifests": choices}
        data = json.dumps(plain).encode()
        blobs = {digest: blob for image, _ in images for digest, blob in image.blobs.items()}
        root = {"mediaType": kind, "digest": digest_of(data), "size": len(data)}
        return Made({**blobs, digest_of(data): data}, root)


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    return directory


@attrs.frozen
class Brought:
    """An image in the store, its trees, and what was told on the way."""

    image: Image
    trees: tuple[Path, ...]
    events: tuple[Any, ...]

    def names(self) -> set[str]:
        return {str(path.relative_to(tree)) for tree in self.trees for path in tree.rglob("*")}


@pytest.fixture
def bring(store: Store, project: Path, tmp_path: Path) -> Callable[..., Brought]:
    """Pull one image, with nobody's logins but those of ``tmp_path/home``."""

    def bring_one(
        name: str,
        *,
        insecure: frozenset[str] = frozenset(),
        look_up: bool = False,
        in_store: Store | None = None,
        **variables: str,
    ) -> Brought:
        events: list[Any] = []
        kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
        how = Pulling(
            project=project,
            environment={**kept, **variables},
            insecure=insecure,
            on_event=events.append,
        )
        used = in_store or store
        pulled = pull([name], how, store=used, look_up=look_up)
        image = pulled.images[name]
        trees = used.lower_directories([layer.digest for layer in image.layers])
        pulled.lease.release()
        return Brought(image, trees, tuple(events))

    return bring_one


# Real registries


@attrs.frozen
class Registry:
    """A registry that runs.

    :param host: with its port
    """

    host: str
    url: str
    client: httpx.Client

    def push(self, image: Made, name: str) -> None:
        """Put an image there, as any client would."""
        repository, tag = name.split(":")
        manifests = {image.digest}
        root = json.loads(image.blobs[image.digest])
        manifests |= {one["digest"] for one in root.get("manifests", ())}
        for digest, data in image.blobs.items():
            if digest not in manifests:
                begun = self.client.post(f"{self.url}/v2/{repository}/blobs/uploads/")
                begun.raise_for_status()
                where = httpx.URL(begun.headers["Location"]).copy_add_param("digest", digest)
                self.client.put(where, content=data).raise_for_status()
        for digest in sorted(manifests, key=lambda one: one == image.digest):
            data = image.blobs[digest]
            kind = {"Content-Type": json.loads(data)["mediaType"]}
            names = [digest, tag] if digest == image.digest else [digest]
            for one in names:
                url = f"{self.url}/v2/{repository}/manifests/{one}"
                self.client.put(url, content=data, headers=kind).raise_for_status()


def _free_port(host: str) -> int:
    with socket.socket() as one:
        one.bind((host, 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def start_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Registry]]:
    """Start a registry of Debian's package ``docker-registry``."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed (Debian: docker-registry)")
    running: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def start(
        address: str = "127.0.0.1", extra: str = "", tls: str = "", **client: Any
    ) -> Registry:
        directory = tmp_path_factory.mktemp("registry")
        port = _free_port(address)
        (directory / "config.yml").write_text(
            f"version: 0.1\nlog: {{level: error}}\n"
            f"storage: {{filesystem: {{rootdirectory: {directory}/data}}}}\n"
            f"http:\n  addr: {address}:{port}\n{tls}{extra}"
        )
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, "serve", str(directory / "config.yml")], stdout=log, stderr=log
            )
        running.append(process)
        url = f"{'https' if tls else 'http'}://{address}:{port}"
        asked = httpx.Client(timeout=30, **client)
        clients.append(asked)
        for _ in range(600):
            try:
                asked.get(f"{url}/v2/")
                break
            except httpx.TransportError:
                assert process.poll() is None, (directory / "log").read_text()
                time.sleep(0.05)
        return Registry(f"{address}:{port}", url, asked)

    yield start
    for process in running:
        process.terminate()
        process.wait(30)
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def registry(start_registry: Callable[..., Registry]) -> Registry:
    """A registry that asks nobody for a login, without TLS."""
    return start_registry()


# A registry that does as it is told


@attrs.define
class Script:
    """What a registry of ours does.

    :param answer: called with a request; true if it has answered it
    :param requests: method, path and headers of all that were made
    """

    host: str = ""
    images: dict[str, Made] = attrs.field(factory=dict)
    answer: Callable[[BaseHTTPRequestHandler], bool] = lambda _request: False
    requests: list[tuple[str, str, dict[str, str]]] = attrs.field(factory=list)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests if path != "/v2/"]


class _Handler(BaseHTTPRequestHandler):
    script: Script

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.script.requests.append((self.command, self.path, headers))
        if self.script.answer(self):
            return
        _, _, rest = self.path.partition("/v2/")
        repository, _, wanted = rest.rpartition("/")
        repository, _, kind = repository.rpartition("/")
        image = self.script.images.get(repository)
        if image is None:
            send(self, 404, b'{"errors": [{"message": "nobody knows it"}]}')
            return
        digest = wanted if wanted.startswith("sha256:") else image.digest
        data = image.blobs.get(digest)
        if data is None:
            send(self, 404, b"{}")
        elif kind == "manifests":
            send(self, 200, data, **{"Content-Type": json.loads(data)["mediaType"]})
        else:
            send_blob(self, data)


def send(request: BaseHTTPRequestHandler, status: int, data: bytes, **headers: str) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(data)), **headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(data)


def send_blob(request: BaseHTTPRequestHandler, data: bytes) -> None:
    start = int((request.headers.get("Range") or "bytes=0-")[6:-1])
    if start:
        told = f"bytes {start}-{len(data) - 1}/{len(data)}"
        send(request, 206, data[start:], **{"Content-Range": told})
    else:
        send(request, 200, data)


@pytest.fixture
def scripted() -> Iterator[Script]:
    script = Script()
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    script.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield script
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def answers() -> Any:
    """`send` and `send_blob`, for scripts."""

    class Answers:
        pass

    Answers.send, Answers.send_blob = staticmethod(send), staticmethod(send_blob)  # type: ignore[attr-defined]
    return Answers
