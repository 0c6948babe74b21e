"""Registries: Debian's real one, and one that breaks off, lies, and wants strange logins."""

import base64
import json
import os
import shutil
import socket
import subprocess
import tomllib
from pathlib import Path

import pytest

from maelstrom_core.errors import HostError, MaelstromError, PeerError, UsageError
from maelstrom_core.images.events import BytesCame, Noticed, PullBegan

HERE = {"os": "linux", "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]}
ELSEWHERE = {"os": "linux", "architecture": "s390x"}


@pytest.fixture
def image(maker):
    return maker.image(maker.layer({"a": "1"}), maker.layer({"b": "2"}), Env=["A=1"])


def files_of(store) -> set[str]:
    return {path.name for path in (store.directory / "images" / "partial").iterdir()}


# Debian's registry


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_of_an_index_the_image_for_this_machine_is_brought(
    maker, bring, registry, project, store, docker
):
    ours = maker.image(maker.layer({"ours": ""}), maker.layer({"l": "x" * 9000}), docker=docker)
    other = maker.image(maker.layer({"theirs": ""}), docker=docker)
    index = maker.index((other, ELSEWHERE), (ours, HERE), docker=docker)
    repository = f"team/it-{'docker' if docker else 'oci'}"
    registry.push(index, f"{repository}:1")

    got = bring(f"docker://{registry.host}/{repository}:1")

    assert got.names() == {"ours", "l"}
    locked = tomllib.loads((project / "maelstrom-images.lock").read_text())
    assert locked["images"] == {f"docker://{registry.host}/{repository}:1": index.digest}
    assert any(isinstance(event, BytesCame) for event in got.events)
    assert files_of(store) == set()


def test_a_tag_is_what_it_was_until_it_is_looked_up_again(maker, bring, registry, image):
    registry.push(image, "moving:1")
    name = f"docker://{registry.host}/moving:1"
    bring(name)
    newer = maker.image(maker.layer({"newer": ""}))
    registry.push(newer, "moving:1")

    assert bring(name).names() == {"a", "b"}
    assert bring(f"docker://{registry.host}/moving@{newer.digest}").names() == {"newer"}
    assert bring(name, look_up=True).names() == {"newer"}
    assert bring(name).names() == {"newer"}


def test_what_is_not_there_is_told(bring, registry):
    with pytest.raises(UsageError, match="manifests/none is not there"):
        bring(f"docker://{registry.host}/nobody:none")


@pytest.fixture(scope="session")
def guarded(start_registry, tmp_path_factory):
    """A registry with TLS, by an authority of its own, at an address that is not loopback."""
    for program in ("openssl", "htpasswd"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: openssl, apache2-utils)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = one.getsockname()[0]
    made = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *[
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ],
            *["-days", "2", "-keyout", "key.pem", "-out", "ca.crt", "-subj", "/CN=own", "-addext"],
            f"subjectAltName=IP:{address}",
        ],
        cwd=made,
        check=True,
        capture_output=True,
    )
    htpasswd = subprocess.run(
        ["htpasswd", "-Bbn", "ann", "secret:x"], capture_output=True, text=True, check=True
    )
    (made / "htpasswd").write_text(htpasswd.stdout)
    auth = f"auth:\n  htpasswd: {{realm: it, path: {made}/htpasswd}}\n"
    tls = f"  tls: {{certificate: {made}/ca.crt, key: {made}/key.pem}}\n"
    started = start_registry(address, auth, tls, verify=False, auth=("ann", "secret:x"))
    return started, made / "ca.crt"


@pytest.fixture
def logged_in(tmp_path, guarded):
    """Write a file of logins; with the authority beside it."""
    registry, authority = guarded

    def write(**config: object) -> None:
        directory = tmp_path / "home" / ".docker"
        (directory / "certs.d" / registry.host).mkdir(parents=True)
        shutil.copy(authority, directory / "certs.d" / registry.host / "own.crt")
        (directory / "config.json").write_text(json.dumps(config))

    return write


def packed(user: str, secret: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode()}


def test_a_registry_with_tls_and_logins(guarded, logged_in, image, bring, tmp_path):
    registry, authority = guarded
    registry.push(image, "private/it:1")
    name = f"docker://{registry.host}/private/it:1"

    with pytest.raises(HostError, match=rf"certs.d/{registry.host}/ca.crt"):
        bring(name)
    with pytest.raises(
        UsageError, match=f"{registry.host} wants a login for private/it\n  docker login"
    ):
        bring(name, insecure=frozenset([registry.host]))
    with pytest.raises(UsageError, match="wants a login"):
        bring(name, SSL_CERT_FILE=str(authority))
    logged_in(auths={registry.host: packed("ann", "wrong")})
    with pytest.raises(
        UsageError, match=r"wants a login for private/it .that of a file was refused"
    ):
        bring(name)
    auth = tmp_path / "auth.json"
    auth.write_text(json.dumps({"auths": {f"{registry.host}/private": packed("ann", "secret:x")}}))
    assert bring(name, REGISTRY_AUTH_FILE=str(auth)).names() == {"a", "b"}


def helper(directory: Path, name: str, text: str) -> None:
    directory.mkdir(exist_ok=True)
    path = directory / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_credential_helpers_are_asked(guarded, logged_in, image, bring, tmp_path):
    registry, _ = guarded
    registry.push(image, "helped:1")
    name = f"docker://{registry.host}/helped:1"
    programs = tmp_path / "programs"
    answer = '\'{"Username": "ann", "Secret": "secret:x"}\''
    told = tmp_path / "asked"
    helper(programs, "own", f"cat > {told}; [ $1 = get ] && echo {answer}")
    helper(programs, "empty", "echo credentials not found; exit 1")
    logged_in(credHelpers={registry.host: "gone"}, credsStore="empty")

    with pytest.raises(
        UsageError, match=r"wants a login.*docker-credential-gone could not be asked"
    ):
        bring(name)
    config = tmp_path / "home" / ".docker" / "config.json"
    config.write_text(json.dumps({"auths": {registry.host: {}}, "credsStore": "own"}))
    path = f"{programs}:{os.environ['PATH']}"
    assert bring(name, PATH=path).names() == {"a", "b"}
    assert told.read_text() == registry.host


# One that does as it is told


def test_a_download_that_breaks_off_is_gone_on_with(maker, bring, scripted, answers):
    made = maker.image(maker.layer({"large": "0123456789" * 200_000}), compress="")
    scripted.images["it"] = made
    layer = max(made.blobs.values(), key=len)
    asked: list[str | None] = []

    def answer(request) -> bool:
        if "/blobs/" not in request.path or len(asked) > 3:
            return False
        data = made.blobs[request.path.rpartition("/")[2]]
        if data is not layer:
            return False
        asked.append(request.headers.get("Range"))
        start = int((asked[-1] or "bytes=0-")[6:-1])
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        request.wfile.write(data[start : start + 600_000])
        request.close_connection = True
        return True

    scripted.answer = answer
    got = bring(f"docker://{scripted.host}/it:1")

    assert (got.trees[0] / "large").stat().st_size == 2_000_000
    assert asked == [None, "bytes=600000-", "bytes=1200000-", "bytes=1800000-"]


def test_the_next_run_goes_on_where_the_last_one_ended(maker, bring, scripted, store, answers):
    made = maker.image(maker.layer({"large": "0123456789" * 50_000}), compress="")
    scripted.images["it"] = made
    (digest, layer) = max(made.blobs.items(), key=lambda item: len(item[1]))
    partial = store.directory / "images" / "partial" / digest.partition(":")[2]
    bring_name = f"docker://{scripted.host}/it:1"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(layer[:300_000])
    bring(bring_name)
    ranges = [headers.get("range") for _, path, headers in scripted.requests if digest in path]
    assert ranges == ["bytes=300000-"]

    # What was left may be anything; and a registry may know nothing of ranges.
    store.evict(0)
    scripted.requests.clear()
    partial.write_bytes(b"not at all" * 100)
    scripted.answer = lambda request: (
        "/blobs/" in request.path
        and not answers.send(request, 200, made.blobs[request.path.rpartition("/")[2]])
    )
    assert bring(bring_name).names() == {"large"}
    store.evict(0)
    scripted.answer = lambda _request: False
    partial.write_bytes(b"not at all" * 100)
    assert bring(bring_name).names() == {"large"}
    assert files_of(store) == set()


def test_bytes_that_are_not_what_was_asked_for_are_refused(bring, scripted, image, answers, store):
    scripted.images["it"] = image
    name = f"docker://{scripted.host}/it:1"

    def with_blobs(change) -> None:
        def answer(request) -> bool:
            if "/blobs/" not in request.path:
                return False
            answers.send(request, 200, change(image.blobs[request.path.rpartition("/")[2]]))
            return True

        scripted.answer = answer

    with_blobs(lambda data: bytes(len(data)))
    with pytest.raises(PeerError, match=f"docker://{scripted.host}/it:1: .*its bytes are those of"):
        bring(name)
    scripted.answer = lambda _request: False
    manifest = json.loads(image.blobs[image.digest])
    config = image.blobs[manifest["config"]["digest"]]
    with_blobs(lambda data: data if data == config else bytes(len(data)))
    with pytest.raises(PeerError, match=r"sent bytes of sha256:.* instead of sha256:"):
        bring(name)
    with_blobs(lambda data: data if data == config else data + b"more")
    with pytest.raises(PeerError, match="sends more than the"):
        bring(name)
    with_blobs(lambda data: bytes(5 << 20))
    store.evict(0)
    shutil.rmtree(store.directory / "images")
    with pytest.raises(PeerError, match="sends a document of more than"):
        bring(name)
    assert not list((store.directory / "trees").glob("??/*"))


def test_a_token_is_fetched_renewed_and_not_told_to_others(
    bring, scripted, image, answers, tmp_path
):
    scripted.images["it"] = image
    (tmp_path / "home" / ".docker").mkdir(parents=True)
    config = {"auths": {scripted.host: packed("ann", "secret")}}
    (tmp_path / "home/.docker/config.json").write_text(json.dumps(config))
    given: list[str] = []
    elsewhere: list[dict[str, str]] = []
    other = scripted.host.replace("127.0.0.1", "localhost")

    def answer(request) -> bool:
        host, said = request.headers["Host"], request.headers.get("Authorization", "")
        if request.path.startswith("/token?"):
            if said != "Basic " + packed("ann", "secret")["auth"]:
                answers.send(request, 401, b"{}")
                return True
            given.append(f"token{len(given)}")
            answers.send(request, 200, json.dumps({"token": given[-1]}).encode())
        elif host == other:
            elsewhere.append(dict(request.headers))
            data = image.blobs[request.path.rpartition("/")[2]]
            answers.send_blob(request, data)
        elif (
            not given
            or said != f"Bearer {given[-1]}"
            or (len(given) == 1 and "blobs" in request.path)
        ):
            # The first token has become too old when blobs are asked for.
            realm = f'Bearer realm="http://{scripted.host}/token",service="s, t",scope="x"'
            answers.send(request, 401, b"{}", **{"WWW-Authenticate": realm})
        elif "/blobs/" in request.path:
            answers.send(request, 307, b"", Location=f"http://{other}{request.path}")
        else:
            return False
        return True

    scripted.answer = answer
    assert bring(f"docker://{scripted.host}/it:1").names() == {"a", "b"}
    assert given == ["token0", "token1"]
    assert elsewhere
    assert not any("authorization" in {name.lower() for name in one} for one in elsewhere)
    (token, *_) = [path for path in scripted.paths() if path.startswith("/token")]
    assert token == "/token?service=s%2C+t&scope=x"


def test_a_busy_registry_is_asked_again_and_a_silent_one_is_named(bring, scripted, image, answers):
    scripted.images["it"] = image
    busy = iter([429, 503])

    def answer(request) -> bool:
        status = next(busy, None) if "/manifests/" in request.path else None
        if status is not None:
            answers.send(request, status, b"", **{"Retry-After": "0"})
        return status is not None

    scripted.answer = answer
    assert bring(f"docker://{scripted.host}/it:1").names() == {"a", "b"}
    with pytest.raises(HostError, match=r"the registry 127\.0\.0\.1:1 cannot be reached"):
        bring("docker://127.0.0.1:1/it:1")


def test_what_is_known_is_not_asked_for(bring, scripted, image, project):
    scripted.images["it"] = image
    name = f"docker://{scripted.host}/it:1"
    bring(name)
    assert len(scripted.paths()) == 4  # manifest, configuration, two layers
    scripted.requests.clear()
    again = bring(name)

    assert (again.names(), scripted.requests) == ({"a", "b"}, [])
    assert not any(isinstance(event, PullBegan) for event in again.events)
    bring(f"docker://{scripted.host}/it@{image.digest}")
    assert scripted.requests == []
    locked = (project / "maelstrom-images.lock").read_text()
    assert locked.count("sha256:") == 1


def test_a_project_that_may_not_be_written_to_is_said(bring, scripted, image, project, monkeypatch):
    from maelstrom_core.images import lock_file

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(lock_file, "change", refuse)
    scripted.images["it"] = image
    (noticed,) = [
        event
        for event in bring(f"docker://{scripted.host}/it:1").events
        if isinstance(event, Noticed)
    ]
    assert "maelstrom-images.lock could not be written: Permission denied" in noticed.what


def test_a_lock_file_with_faults_tells_them_all(bring, project):
    (project / "maelstrom-images.lock").write_text('version = 2\nx = 1\n[images]\na = "sha256:1"\n')
    with pytest.raises(MaelstromError) as caught:
        bring("docker://127.0.0.1:1/it:1")
    for words in ("x: unknown", "version: 2; this program reads version 1", "images.'a': expected"):
        assert words in str(caught.value)
