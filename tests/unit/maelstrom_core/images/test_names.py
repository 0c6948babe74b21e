"""Pure parts: names of images, platforms, what registries ask for, logins, documents."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.errors import MaelstromError
from maelstrom_core.images.challenge import Challenge, challenges
from maelstrom_core.images.credentials_plan import AskHelper, Login, find
from maelstrom_core.images.documents import (
    BadImage,
    Choice,
    Descriptor,
    Platform,
    kind_of,
    read_config,
    read_index,
    read_manifest,
)
from maelstrom_core.images.events import BytesCame, LayerMade, Noticed, PullBegan, PullEnded
from maelstrom_core.images.platform_plan import choose, platform_of
from maelstrom_core.images.progress_state import Progress
from maelstrom_core.images.reference import BadReference, parse

SHA = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("docker://python", "docker://docker.io/library/python:latest"),
        ("docker://python:3.13-slim", "docker://docker.io/library/python:3.13-slim"),
        ("docker://ann/it", "docker://docker.io/ann/it:latest"),
        ("docker://index.docker.io/ann/it:1", "docker://docker.io/ann/it:1"),
        ("docker://localhost/it", "docker://localhost/it:latest"),
        ("docker://localhost:5000/a/b:c", "docker://localhost:5000/a/b:c"),
        ("docker://ghcr.io/a/b__c-d.e", "docker://ghcr.io/a/b__c-d.e:latest"),
        ("docker://[::1]:5000/it:1", "docker://[::1]:5000/it:1"),
        ("docker://Host/it", "docker://Host/it:latest"),
        (f"docker://python@{SHA}", f"docker://docker.io/library/python@{SHA}"),
        (f"docker://python:3@{SHA}", f"docker://docker.io/library/python:3@{SHA}"),
        ("oci:some/where", "oci:some/where"),
        ("oci:/x:example.org/it:1", "oci:/x:example.org/it:1"),
        ("oci-archive:a.tar:1", "oci-archive:a.tar:1"),
        ("docker-archive:a.tar:python:3", "docker-archive:a.tar:python:3"),
    ],
)
def test_a_name_is_understood_and_printed_in_one_way(written: str, canonical: str) -> None:
    assert str(parse(written)) == canonical
    assert parse(str(parse(written))) == parse(written)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("python", "docker://NAME, oci:PATH"),
        ("dockerr://python", "docker://NAME, oci:PATH"),
        ("docker:python", "docker:// and a name"),
        ("docker://", "a name of lower-case letters"),
        ("docker://Python", "a name of lower-case letters"),
        ("docker://a//b", "a name of lower-case letters"),
        ("docker://../b", "a host and a port"),
        ("docker://h.org:port/b", "a host and a port"),
        ("docker://a:", "a tag"),
        ("docker://a:-", "a tag"),
        ("docker://a@sha256:12", "sha256: and 64"),
        ("docker://a@md5:12", "sha256: and 64"),
        ("docker://h.org/a b", "a name of lower-case letters"),
        ("docker://h.org?x/a", "a host and a port"),
        ("docker://ann@h.org/a", "sha256: and 64"),
        ("oci:", "a path"),
        ("oci::tag", "a path"),
        ("oci:a:b c", "a tag"),
        ("docker-archive:a.tar:B", "a name of lower-case"),
        ("oci:a\0b", "docker://NAME"),
    ],
)
def test_what_is_no_name_is_refused(written: str, words: str) -> None:
    with pytest.raises(BadReference, match=words):
        parse(written)


@given(
    st.sampled_from(["docker://", "oci:", "docker-archive:", ""]),
    st.text(alphabet="aZ1:/@.-_[]~ \0é", max_size=40),
)
def test_any_text_is_a_name_or_is_refused(kind: str, text: str) -> None:
    try:
        one = parse(kind + text)
    except BadReference:
        return
    assert parse(str(one)) == one


# Platforms

ARM = [Platform("arm", variant=variant) for variant in ("v5", "v7", "v8")]


def choice(platform: Platform | None, digest: str = SHA, **more: bool) -> Choice:
    return Choice(Descriptor("", digest, 1), platform, **more)


@pytest.mark.parametrize(
    ("there", "machine", "chosen"),
    [
        (["amd64", "arm64"], "x86_64", "linux/amd64"),
        (["arm64/v8", "amd64"], "aarch64", "linux/arm64/v8"),
        (["arm64"], "aarch64", "linux/arm64"),
        (["arm/v5", "arm/v7", "arm/v6"], "armv7l", "linux/arm/v7"),
        (["arm/v5", "arm/v6"], "armv7l", "linux/arm/v6"),
        (["amd64/v3", "amd64"], "x86_64", "linux/amd64"),
        (["amd64", "386"], "i686", "linux/386"),
    ],
)
def test_the_best_image_for_a_machine_is_chosen(
    there: list[str], machine: str, chosen: str
) -> None:
    platforms = [
        Platform(*(one.partition("/")[::2][0],), "linux", one.partition("/")[2]) for one in there
    ]
    assert str(choose([choice(one) for one in platforms], platform_of(machine)).platform) == chosen


def test_attestations_are_no_images_and_the_only_image_need_not_say_for_what_it_is() -> None:
    other = choice(Platform("unknown", "unknown"), is_attestation=True)
    silent = choice(None)
    assert choose([other, silent], platform_of("x86_64")) is silent
    with pytest.raises(BadImage, match="there are: one that does not say"):
        choose([silent, silent], platform_of("x86_64"))
    with pytest.raises(BadImage, match="there are: none"):
        choose([other], platform_of("x86_64"))


# What registries ask for


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("Basic", (Challenge("basic"),)),
        ('Basic realm="a, b=\\"c\\""', (Challenge("basic", {"realm": 'a, b="c"'}),)),
        (
            'Bearer realm="https://a/t",service=reg , scope="r:x:pull"',
            (Challenge("bearer", {"realm": "https://a/t", "service": "reg", "scope": "r:x:pull"}),),
        ),
        (
            'Digest nonce="1", Basic realm="x"',
            (Challenge("digest", {"nonce": "1"}), Challenge("basic", {"realm": "x"})),
        ),
        ('Bearer realm="unfinished', (Challenge("bearer"),)),
    ],
)
def test_a_header_is_understood(header: str, expected: tuple[Challenge, ...]) -> None:
    assert challenges(header)[: len(expected)] == expected


@given(st.text(alphabet='Bearr ="\\,x%\n\0é'))
def test_any_header_is_read_to_an_end(header: str) -> None:
    for one in challenges(header):
        assert one.scheme


# Logins


def packed(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


HUB = "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    ("config", "host", "repository", "found"),
    [
        ({"auths": {"h": packed("a:b:c")}}, "h", "x", [Login("a", "b:c")]),
        ({"auths": {"https://h": packed("a:b")}}, "h", "x", [Login("a", "b")]),
        ({"auths": {"h": packed("a:b"), "h/x": packed("c:d")}}, "h", "x/y", [Login("c", "d")]),
        ({"auths": {"h/x": packed("c:d")}}, "h", "xy", []),
        ({"auths": {HUB: packed("a:b")}}, "docker.io", "library/x", [Login("a", "b")]),
        ({"auths": {"h": {"identitytoken": "t"}}}, "h", "x", [Login("", "t", refresh=True)]),
        ({"auths": {"h": {"username": "a", "password": "b"}}}, "h", "x", [Login("a", "b")]),
        ({"auths": {"h": {}}, "credsStore": "s"}, "h", "x", [AskHelper("s", "h")]),
        ({"credHelpers": {"h": "o"}, "credsStore": "s"}, "h", "x", [AskHelper("o", "h")]),
        ({"credsStore": "s"}, "docker.io", "x", [AskHelper("s", HUB)]),
        ({"credsStore": "../../evil"}, "h", "x", []),
        ({"auths": {"h": {"auth": "no base64!"}}}, "h", "x", []),
        ({"auths": {"h": packed("nothing")}}, "h", "x", []),
        ({"auths": [], "credHelpers": 3, "credsStore": {}}, "h", "x", []),
        ({}, "h", "x", []),
    ],
)
def test_the_login_for_a_repository_is_found(
    config: dict[str, object], host: str, repository: str, found: list[object]
) -> None:
    assert list(find(config, host, repository)) == found


def test_a_secret_is_never_shown() -> None:
    assert "hidden" not in repr(Login("ann", "hidden"))


# Documents

KEYS = [
    "config",
    "layers",
    "manifests",
    "digest",
    "size",
    "mediaType",
    "rootfs",
    "diff_ids",
    "Env",
    "WorkingDir",
    "Entrypoint",
    "Cmd",
    "platform",
    "architecture",
    "os",
    "annotations",
]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5) | st.just(SHA),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_any_document_is_understood_or_refused(plain: object) -> None:
    import json

    data = json.dumps(plain).encode()
    for read in (read_index, read_manifest, read_config, lambda one: kind_of(one, "")):
        try:
            read(data)
        except BadImage:
            continue


@pytest.mark.parametrize(
    ("read", "data", "words"),
    [
        (read_manifest, b"[]", "no JSON object"),
        (read_manifest, b"{", "no JSON"),
        (read_manifest, b"[" * 100_000, "no JSON"),
        (read_manifest, b" " * (5 << 20), "bytes; .* at most are read"),
        (read_manifest, b'{"layers": [{"digest": "md5:1", "size": 1}]}', r"layers\[0\].digest"),
        (read_config, b'{"rootfs": {"diff_ids": []}, "config": {"Env": ["x\\u0000=1"]}}', "Env"),
        (read_config, b'{"rootfs": {"diff_ids": []}, "config": {"Cmd": [1]}}', "Cmd: no list"),
        (read_config, b'{"rootfs": {"diff_ids": []}, "config": {"Cmd": ["\\u0000"]}}', "with NUL"),
        (read_config, b'{"rootfs": {"diff_ids": []}, "config": {"Entrypoint": 3}}', "Entrypoint"),
        (lambda data: kind_of(data, ""), b'{"schemaVersion": 1}', "schema 1"),
        (lambda data: kind_of(data, "text/html"), b"{}", "unknown kind: 'text/html'"),
    ],
)
def test_a_document_with_faults_is_refused(read: object, data: bytes, words: str) -> None:
    with pytest.raises(MaelstromError, match=words):
        read(data)  # type: ignore[operator]


# Progress


def test_what_is_shown_while_an_image_is_brought() -> None:
    progress = Progress()
    shown = [
        line
        for now, event in enumerate(
            [
                PullBegan("i", 2, 40_000_000),
                *(
                    BytesCame("i", layer, done * 10**6, 2 * 10**7)
                    for done in range(9)
                    for layer in "ab"
                ),
                LayerMade("i", "a"),
                LayerMade("i", "b", ("'null': a device",)),
                PullEnded("i"),
                Noticed("all is well"),
            ]
        )
        for line in progress.lines(event, now=float(now))
    ]
    assert shown == [
        "i: 2 layers to bring, 40.0 MB",
        "i: 3.0 MB of 40.0 MB",
        "i: 8.0 MB of 40.0 MB",
        "i: 13.0 MB of 40.0 MB",
        "i: b: left out: 'null': a device",
        "i: is there",
        "all is well",
    ]
