"""What is told when a template is forked, and what is done when a case's process ends."""

import pytest

CONFTEST = """
    import os
    from pathlib import Path

    told = []
    os.register_at_fork(
        before=lambda: told.append("before"),
        after_in_parent=lambda: told.append("parent"),
        after_in_child=lambda: told.append("child"),
    )

    def note(what):
        with open(os.path.join(os.environ.get("MAELSTROM_OUTPUT", "/tmp"), "ended.txt"), "a") as file:
            file.write(what + "\\n")

    def pytest_configure(config):
        config.add_cleanup(lambda: note("cleanup"))

    def pytest_sessionfinish(session):
        note("sessionfinish")

    def pytest_unconfigure(config):
        note("unconfigure")
"""
TESTS = """
    import os
    import threading
    import pytest
    from conftest import told

    def test_who_is_told():
        if "MAELSTROM_FORKED" in os.environ:
            assert told[-2:] == ["before", "child"]
        else:
            assert told == []

    def test_the_one_thread_is_what_it_says():
        thread = threading.main_thread()
        assert thread is threading.current_thread() and thread.is_alive()
        assert thread.native_id == threading.get_native_id()

    def test_a_fork_of_its_own_is_told_of_too():
        before = len(told)
        pid = os.fork()
        if pid == 0:
            os._exit(0 if told[before:] == ["before", "child"] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert told[before:] == ["before", "parent"]

    def test_threads_can_be_started_and_forked_away():
        ran = []
        thread = threading.Thread(target=ran.append, args=(1,))
        thread.start()
        thread.join()
        assert ran == [1] and threading.enumerate() == [threading.main_thread()]

    @pytest.fixture
    def dear():
        yield
        print("the fixture ended")

    def test_ends_the_run(dear):
        pytest.exit("enough")
"""


@pytest.mark.parametrize("isolation", ["template", "fresh"])
def test_hooks_of_forks_and_of_ends_are_called(project, run, tmp_path, isolation):
    directory = project({"pytest.ini": "[pytest]\n", "conftest.py": CONFTEST, "test_it.py": TESTS})
    forked = {"MAELSTROM_FORKED": "yes"} if isolation == "template" else {}
    arguments = [f"--maelstrom-isolation={isolation}", f"--maelstrom-output={tmp_path / 'out'}"]
    ran = run(
        directory, "--deselect=test_it.py::test_ends_the_run", *arguments, ours=True, **forked
    )
    assert ran.code == 0, ran.out
    ended = [path.read_text().split() for path in (tmp_path / "out").rglob("ended.txt")]
    assert ended == [["sessionfinish", "unconfigure", "cleanup"]] * 4, ran.out
    ran = run(directory, "-s", "-k", "ends_the_run", *arguments, ours=True, **forked)
    assert ran.code == 2 and "Exit: enough" in ran.out
    assert "the fixture ended" in ran.out
