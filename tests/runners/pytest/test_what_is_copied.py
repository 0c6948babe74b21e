"""The copy of the project that tests get: what is no part of it, and what cannot be one."""

import pytest

SUITE = {
    "pytest.ini": "[pytest]",
    "data/large.bin": "x",
    "sub/film.mp4": "x",
    "sub/kept.txt": "x",
    "test_it.py": """
        from pathlib import Path

        HERE = Path(__file__).parent

        def test_what_there_is():
            names = {str(one.relative_to(HERE)) for one in HERE.rglob("*") if one.is_file()}
            assert {name for name in names if not name.endswith(".pyc")} == {
                "pytest.ini", "sub/kept.txt", "test_it.py",
            }
        """,
}


@pytest.mark.parametrize("isolation", ["template", "fresh"])
def test_what_is_left_out_is_not_there(project, run, isolation):
    directory = project(SUITE)
    options = (f"--maelstrom-isolation={isolation}", "-p", "no:cacheprovider")

    left_out = run(directory, *options, "--maelstrom-leave-out=data,**/*.mp4", ours=True)
    assert left_out.code == 0, left_out.out

    everything = run(directory, *options, ours=True)
    assert everything.code == 1, everything.out
    assert "large.bin" in everything.out


def test_a_home_directory_is_not_copied(project, run):
    directory = project(SUITE)
    refused = run(directory, ours=True, HOME=str(directory))
    assert refused.code == pytest.ExitCode.USAGE_ERROR
    assert (
        f"the project directory would be {directory}, all of which would be copied" in refused.out
    )
    assert "Traceback" not in refused.out
    assert "INTERNALERROR" not in refused.out


@pytest.mark.parametrize("pattern", ["/data", "~/data", "../data", "."])
def test_a_pattern_of_what_does_not_lie_in_the_project_is_refused(project, run, pattern):
    refused = run(project(SUITE), f"--maelstrom-leave-out={pattern}", ours=True)
    assert refused.code == pytest.ExitCode.USAGE_ERROR
    assert "must be patterns below the project's directory" in refused.out
