"""Which changes wake a run: not what git ignores, nor what build tools and the run itself write."""

from pathlib import Path

import pytest
import trio

from maelstrom_core.layers.walk import Ignores
from maelstrom_core.program.watching import Changes, watching


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("src", "out", "target/debug", ".git/objects", "venv/lib", "src/gen/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("/out/\n*.log\n!kept.log\n")
    (tmp_path / "src/.gitignore").write_text("gen/*\n!gen/kept\n")
    (tmp_path / "target/CACHEDIR.TAG").write_text("")
    (tmp_path / "venv/pyvenv.cfg").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "matters"),
    [
        ("src/a.go", True),
        ("src", True),
        ("new/deep/file", True),
        ("kept.log", True),
        ("src/gen/kept", True),
        ("src/gen/deep/file", False),
        ("src/gen/made", False),
        ("src/a.log", False),
        ("out/made", False),
        ("target/debug/made", False),
        ("venv/lib/x.py", False),
        (".git/objects/ab", False),
        ("src/__pycache__/a.pyc", False),
        ("report.xml", False),
        ("state/history.sqlite-wal", False),
        ("../elsewhere", False),
    ],
)
def test_what_matters(project: Path, path: str, matters: bool) -> None:
    changes = Changes(project, [project / "report.xml", project / "state"])
    assert changes.matters(str(project / path)) == (path if matters else None)


def test_a_directory_above_is_ignored_whether_it_exists_or_not(project: Path) -> None:
    ignores = Ignores(str(project))
    assert ignores.ignores("out/never/made")
    assert not ignores.ignores("outer/never/made")


async def _first_change(project: Path) -> frozenset[str]:
    async def write() -> None:
        # It listens in its own time, and hears of nothing that was before.
        while True:
            (project / "report.xml").write_text("own")
            (project / "out/made").write_text("ignored")
            (project / "src/a.go").write_text("edited")
            await trio.sleep(0.2)

    with trio.fail_after(30):
        async with (
            watching(project, [project / "report.xml"]) as changes,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(write)
            changed = await changes.next()
            nursery.cancel_scope.cancel()
    return changed


def test_real_changes_are_heard(project: Path) -> None:
    assert trio.run(_first_change, project) == {"src/a.go"}
