"""What pytest remembers from run to run: last failures, new files, the step it stopped at."""

import shutil

import pytest

SUITE = {
    "pytest.ini": "[pytest]\n",
    "test_a.py": "def test_a1(): pass\ndef test_a2(): assert 0\ndef test_a3(): pass\n",
    "test_b.py": "def test_b1(): assert 0\ndef test_b2(): pass\n",
}


@pytest.fixture(scope="module")
def first_caches(tmp_path_factory):
    """Where is kept what a first run leaves in ``.pytest_cache``: the same for every test here."""
    return tmp_path_factory.mktemp("first")


@pytest.fixture
def histories(project, run, first_caches):
    """What two directories have come to after one run each, one plain, one in containers."""

    def make(*later: str):
        ended = []
        for ours in (False, True):
            directory = project(SUITE)
            cache, kept = directory / ".pytest_cache", first_caches / str(ours)
            shutil.rmtree(cache, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, cache)
            else:
                run(directory, ours=ours)
                shutil.copytree(cache, kept)
            (directory / "test_b.py").write_text("def test_b1(): pass\ndef test_b2(): pass\n")
            ended.append(run(directory, *later, ours=ours))
            ended.append(run(directory, "--lf", "-q", ours=ours))
        return ended

    return make


@pytest.mark.parametrize("option", ["--lf", "--ff", "--nf"])
def test_failures_are_remembered_as_plainly(histories, option):
    plain, plain_last, ours, ours_last = histories(option)
    assert ours.ended() == plain.ended()
    # test_b1 passes by now: it is no longer among the last failures.
    assert ours_last.ended() == plain_last.ended()
    assert list(ours_last.cases) == ["test_a.py::test_a2"]
    if option == "--lf":
        assert "run-last-failure: rerun previous 2 failures" in ours.out


def test_stepping_goes_on_where_it_stopped(project, run):
    ended = []
    for ours in (False, True):
        directory = project(SUITE)
        shutil.rmtree(directory / ".pytest_cache", ignore_errors=True)
        more = ["--maelstrom-slots=1"] if ours else []
        ended.append([run(directory, "--sw", *more, ours=ours) for _ in range(2)])
    plain, ours = ended
    assert [ran.code for ran in ours] == [ran.code for ran in plain]
    assert [ran.cases for ran in ours] == [ran.cases for ran in plain], ours[0].out + ours[1].out


def test_no_key_of_the_cache_leads_out_of_it(project, run, tmp_path):
    """Not even one that pytest has not seen: a test may write among its reports what it likes."""
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": f"""
                import json, os

                def say(**message):
                    line = json.dumps(dict(kind="cached", value=1, **message)).encode() + b"\\n"
                    for name in os.listdir("/proc/self/fd"):
                        target = os.readlink(f"/proc/self/fd/{{name}}") if int(name) > 100 else ""
                        if target.startswith("pipe:"):
                            os.write(int(name), line)

                def test_within(cache): cache.set("shop/seen", 1)
                def test_forged(): say(key="shop/forged")
                def test_above(): say(key="../../above")
                def test_elsewhere(): say(key="{tmp_path}/elsewhere")
                def test_nothing(): say(key="")
                def test_no_key(): say(key=[1])
            """,
        }
    )
    ran = run(directory, "--maelstrom-preload=off", ours=True)
    assert ran.code == 0, ran.out
    assert len(ran.cases) == 6
    kept = {path.name for path in (directory / ".pytest_cache" / "v" / "shop").iterdir()}
    assert kept == {"seen", "forged"}
    assert not list(tmp_path.rglob("above"))
    assert not list(tmp_path.rglob("elsewhere"))
