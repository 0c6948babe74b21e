"""Lines with colours and without."""

import io
import os
import subprocess
import sys

import pytest

from maelstrom_core.program.paper import Coloured, Plain, paper

_LINE = (("failed    ", "red"), ("pkg [bold] :smile: TestA", ""))
_READY = "\x1b[31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ plain\x07"


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_pipes_get_the_texts_as_they_are(capsys):
    at = paper("stdout")
    assert isinstance(at, Plain)
    at.line(*_LINE)
    at.line()
    at.ready(_READY)

    assert capsys.readouterr().out == "failed    pkg [bold] :smile: TestA\n\nred link plain\n"


def test_both_write_the_same_where_there_are_no_colours(capsys):
    """Longer lines than any terminal has, lines of several, and what has a meaning in Rich's markup."""
    lines = ["x" * 500, "one\ntwo", "[red]no markup[/]", "", "http://a/b 1.5 None 'text'"]
    said = []
    for at in (Plain("stdout"), Coloured("stdout")):
        for line in lines:
            at.line((line, "red"))
        said.append(capsys.readouterr().out)

    assert said[0] == said[1]


def test_whoever_wants_colours_gets_them(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    paper("stdout").line(*_LINE)

    assert "\x1b[31m" in capsys.readouterr().out


def test_what_cannot_be_encoded_is_written_all_the_same(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Plain("stdout").line(("näme \udcff", ""))

    assert raw.getvalue() == b"n\\xe4me \\udcff\n"


def test_nobody_loads_rich_for_a_pipe():
    script = (
        "import sys, maelstrom_core.program.session\n"
        "from maelstrom_core.program.lines import Lines\n"
        "Lines().say('said')\n"
        "sys.exit('rich' in sys.modules)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "FORCE_COLOR"}
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )

    assert (ended.returncode, ended.stderr) == (0, "said\n")
