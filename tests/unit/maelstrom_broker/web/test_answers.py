"""Who is let in, and what is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maelstrom_broker.web.answers_plan import Access, Answer, Asked, View, Wanted, decide

TOKEN = "t" * 43
OPEN = Access(frozenset({"rack7.example"}), TOKEN, "maelstrom-1", is_open=True)
SHUT = Access(frozenset(), TOKEN, "maelstrom-1")


def asked(target: str = "/", method: str = "GET", host: str = "localhost", **headers: str) -> Asked:
    given_ = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Asked(method, target, [("host", host), *given_])


def status_of(found: View | Answer) -> int:
    return found.status if isinstance(found, Answer) else 200


OF_CASES = (Wanted.RUN, Wanted.RUN_LIVE, Wanted.CASE, Wanted.CASE_LIVE)


@pytest.mark.parametrize("wanted", Wanted)
def test_everything_has_its_place(wanted: Wanted) -> None:
    if wanted not in OF_CASES:
        assert decide(asked(wanted.path), OPEN) == View(wanted)
        assert decide(asked(f"{wanted.path}?x=1", "HEAD"), OPEN) == View(wanted)
    assert status_of(decide(asked(wanted.path), SHUT)) == 401
    for access in (OPEN, SHUT):
        found = decide(asked(wanted.path, authorization=f"Bearer {TOKEN}"), access)
        assert found == View(wanted, sees_cases=True)


@pytest.mark.parametrize("wanted", OF_CASES)
def test_what_tells_of_cases_is_for_those_who_have_the_token(wanted: Wanted) -> None:
    session = "ab" * 16
    target = f"{wanted.path}?session={session}&job=17"
    assert status_of(decide(asked(target), OPEN)) == 401
    assert status_of(decide(asked(target, authorization="Bearer "), OPEN)) == 401
    found = decide(asked(target, authorization=f"Bearer {TOKEN}"), OPEN)
    assert found == View(wanted, session, 17, sees_cases=True)


@pytest.mark.parametrize(
    ("query", "session", "tag"),
    [
        ("session=" + "ab" * 16, "ab" * 16, -1),
        ("session=" + "ab" * 16 + "&job=0", "ab" * 16, 0),
        ("job=1&session=" + "ab" * 16, "ab" * 16, 1),
        ("session=" + "AB" * 16, "", -1),
        ("session=ab", "", -1),
        ("xsession=" + "ab" * 16, "", -1),
        ("job=-1", "", -1),
        ("job=1x", "", -1),
        ("job=" + "9" * 20, "", -1),
        ("job=\u0661", "", -1),
    ],
)
def test_what_a_request_names_is_read_strictly(query: str, session: str, tag: int) -> None:
    found = decide(asked(f"/case?{query}", authorization=f"Bearer {TOKEN}"), SHUT)
    assert found == View(Wanted.CASE, session, tag, sees_cases=True)


def test_without_a_token_nobody_has_it() -> None:
    without = Access(frozenset(), "", "maelstrom-1")
    assert status_of(decide(asked("/?token="), without)) == 403
    assert status_of(decide(asked(authorization="Bearer "), without)) == 401
    assert status_of(decide(asked(cookie="maelstrom-1="), without)) == 401


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


@pytest.mark.parametrize("access", [OPEN, SHUT])
def test_a_link_becomes_a_cookie(access: Access) -> None:
    found = decide(asked(f"/?token={TOKEN}"), access)
    assert isinstance(found, Answer)
    cookie = found.headers["Set-Cookie"].partition(";")[0]
    assert decide(asked(cookie=f"a=b; {cookie}"), SHUT) == View(Wanted.PAGE, sees_cases=True)
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
    assert status_of(decide(asked(target, method, host), OPEN)) in (200, 401, 404, 405, 421)
