"""Who is let in, and what is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maelstrom_broker.web.answers_plan import Access, Answer, Asked, Wanted, decide

TOKEN = "t" * 43
OPEN = Access(frozenset({"rack7.example"}), "", "maelstrom-1")
SHUT = Access(frozenset(), TOKEN, "maelstrom-1")


def asked(target: str = "/", method: str = "GET", host: str = "localhost", **headers: str) -> Asked:
    given_ = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Asked(method, target, [("host", host), *given_])


def status_of(found: Wanted | Answer) -> int:
    return found.status if isinstance(found, Answer) else 200


@pytest.mark.parametrize("wanted", Wanted)
def test_everything_has_its_place(wanted: Wanted) -> None:
    assert decide(asked(wanted.path), OPEN) is wanted
    assert decide(asked(f"{wanted.path}?x=1", "HEAD"), OPEN) is wanted
    assert status_of(decide(asked(wanted.path), SHUT)) == 401
    assert decide(asked(wanted.path, authorization=f"Bearer {TOKEN}"), SHUT) is wanted


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "get"])
def test_nothing_can_be_changed(method: str) -> None:
    found = decide(asked(method=method), OPEN)
    assert isinstance(found, Answer)
    assert (found.status, found.is_last) == (405, True)


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("rack7.example:8080", True),
        ("RACK7.example.", True),
        ("10.0.0.1", True),
        ("[2001:db8::1]:80", True),
        ("evil.example", False),
        ("10.0.0.1.evil.example", False),
        ("10.0.0.1:80:80", False),
        ("1.2.3.4\x00", False),
        ("", False),
    ],
)
def test_only_names_of_ours_lead_here(host: str, fits: bool) -> None:
    assert (status_of(decide(asked(host=host), OPEN)) == 200) is fits


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
def test_a_request_names_one_host(hosts: list[str]) -> None:
    found = decide(Asked("GET", "/", [("host", host) for host in hosts]), OPEN)
    assert status_of(found) == 421


def test_a_name_is_looked_at_before_a_token() -> None:
    found = decide(asked(f"/?token={TOKEN}", host="evil.example"), SHUT)
    assert isinstance(found, Answer)
    assert found.status == 421
    assert TOKEN not in found.text


def test_a_link_becomes_a_cookie() -> None:
    found = decide(asked(f"/?token={TOKEN}"), SHUT)
    assert isinstance(found, Answer)
    cookie = found.headers["Set-Cookie"].partition(";")[0]
    assert decide(asked(cookie=f"a=b; {cookie}"), SHUT) is Wanted.PAGE
    assert status_of(decide(asked(cookie=f"{cookie}x"), SHUT)) == 401
    assert (
        status_of(decide(asked(cookie=cookie.replace("maelstrom-1", "maelstrom-2")), SHUT)) == 401
    )


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_who_has_no_token_sees_nothing(target: str, cookie: str, bearer: str) -> None:
    found = decide(asked(target, cookie=cookie, authorization=bearer), SHUT)
    assert isinstance(found, Answer)
    assert TOKEN not in f"{found.text}{found.headers}"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_every_request_has_an_answer(method: str, target: str, host: str) -> None:
    assert status_of(decide(asked(target, method, host), OPEN)) in (200, 404, 405, 421)
