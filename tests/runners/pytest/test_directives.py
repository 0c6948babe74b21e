"""``maelstrom-pytest.toml`` in real containers: what it says is what tests see."""

import socket
import tomllib
from pathlib import Path

import pytest

from maelstrom_core.container.group_ids import spare
from maelstrom_core.testrun.directives import read_directives
from pytest_maelstrom.choices import CANNOT
from pytest_maelstrom.selectors import SELECTORS
from pytest_maelstrom.starter import STARTER

INI = "[pytest]\nmarkers =\n" + "".join(f"    {m}\n" for m in ("m", "n", "slow", "off", "anew"))


def outcomes(ran) -> dict[str, list[str]]:
    return {node_id.rpartition("::")[2]: how for node_id, how in ran.cases.items()}


def test_containers_are_what_directives_say(project, run):
    directory = project(
        {
            "pytest.ini": INI,
            "maelstrom-pytest.toml": """
                [[directives]]
                added_environment = { GREETING = "hello $env{WHO}", COUNT = "1" }

                [[directives]]
                filter = "markers.contains(m)"
                added_environment = { COUNT = "$prev{COUNT}2" }
                added_layers = [
                    { paths = ["data/in.txt"], strip_prefix = "data/", prepend_prefix = "/given/" },
                    { stubs = ["/made/{a,b}/", "<project-dir>/beside/{c,d}/"] },
                    { symlinks = [{ link = "/made/link", target = "/given/in.txt" }] },
                ]
                added_mounts = [
                    { type = "tmp", mount_point = "/scratch", size = "1MiB" },
                    { type = "bind", mount_point = "/shown", local_path = "data", read_only = true },
                ]
                user = 1234
                hostname = "elsewhere"
                limits = { open_files = 77 }

                [containers.strict]
                parent = "default"
                enable_writable_file_system = false
                working_directory = "/var/tmp"
                network = "disabled"
                added_mounts = [{ type = "tmp", mount_point = "/var/tmp" }]

                [[directives]]
                filter = "markers.contains(anew)"
                parent = "strict"
            """,
            "data/in.txt": "some data",
            "test_it.py": """
                import errno, os, pathlib, resource, socket
                import pytest

                def test_all():
                    assert os.environ["GREETING"] == "hello ann"
                    assert os.environ["COUNT"] == "1"
                    assert not os.path.exists("/given")

                @pytest.mark.m
                class TestMarkedByItsClass:
                    def test_more(self):
                        assert os.environ["GREETING"] == "hello ann"
                        assert os.environ["COUNT"] == "12"
                        assert os.getuid() == 1234
                        assert socket.gethostname() == "elsewhere"
                        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 77

                    def test_files(self):
                        assert pathlib.Path("/made/link").read_text() == "some data"
                        assert sorted(os.listdir("/made")) == ["a", "b", "link"]
                        beside = pathlib.Path(__file__).parent / "beside"
                        assert sorted(os.listdir(beside)) == ["c", "d"]

                    def test_mounts(self):
                        assert os.listdir("/shown") == ["in.txt"]
                        with pytest.raises(OSError) as raised:
                            open("/shown/new", "w")
                        assert raised.value.errno == errno.EROFS
                        with pytest.raises(OSError) as raised:
                            pathlib.Path("/scratch/x").write_bytes(b"x" * (2 << 20))
                        assert raised.value.errno == errno.ENOSPC

                @pytest.mark.anew
                def test_begins_anew():
                    assert "GREETING" not in os.environ
                    assert os.getcwd() == "/var/tmp"
                    with pytest.raises(OSError) as raised:
                        open("/new", "w")
                    assert raised.value.errno == errno.EROFS
                    with socket.socket() as s, pytest.raises(OSError):
                        s.connect(("127.0.0.1", 9))
            """,
        }
    )
    ran = run(directory, "-p", "no:cacheprovider", ours=True, WHO="ann")

    assert set(map(tuple, ran.cases.values())) == {("passed",)}, ran.out
    assert len(ran.cases) == 5


def test_some_tests_have_the_network_of_the_host_and_others_have_not(project, run):
    directory = project(
        {
            "pytest.ini": INI,
            "maelstrom-pytest.toml": """
                [[directives]]
                filter = "markers.contains(m)"
                network = "local"
                capabilities = ["CAP_NET_RAW"]
            """,
            "test_it.py": """
                import os, pathlib, socket
                import pytest

                def capabilities():
                    status = pathlib.Path("/proc/self/status").read_text()
                    return int(status.partition("CapEff:")[2].split()[0], 16)

                def test_own():
                    assert not capabilities()
                    with pytest.raises(ConnectionRefusedError):
                        socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 5)

                @pytest.mark.m
                def test_host_s():
                    assert capabilities() == 1 << 13
                    socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 5).close()
            """,
        }
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ran = run(directory, "--maelstrom-slots=1", ours=True, PORT=port)

    assert outcomes(ran) == {"test_own": ["passed"], "test_host_s": ["passed"]}, ran.out


@pytest.mark.skipif(
    spare()[1] < 2, reason="this host has no group ids to spare for this user (subgid, newgidmap)"
)
def test_tests_may_be_in_other_groups_if_they_start_afresh(project, run):
    directory = project(
        {
            "pytest.ini": INI,
            "maelstrom-pytest.toml": """
                [[directives]]
                filter = "markers.contains(m)"
                supplementary_groups = [27, 28]

                [[directives]]
                filter = "markers.contains(anew)"
                isolation = "fresh"
            """,
            "test_it.py": """
                import os
                import pytest

                def test_in_no_other():
                    assert not {27, 28} & set(os.getgroups())

                @pytest.mark.m
                @pytest.mark.anew
                def test_afresh():
                    assert set(os.getgroups()) == {27, 28}

                @pytest.mark.m
                def test_forked():
                    pass
            """,
        }
    )
    ran = run(directory, "-p", "no:cacheprovider", ours=True)

    found = outcomes(ran)
    assert (found["test_in_no_other"], found["test_afresh"]) == (["passed"], ["passed"]), ran.out
    assert found["test_forked"] != ["passed"]
    assert "forks of a template are in no group but their own" in ran.out


def test_timeouts_are_each_case_s_own_unless_the_command_line_has_one(project, run):
    directory = project(
        {
            "pytest.ini": INI,
            "maelstrom-pytest.toml": """
                [[directives]]
                filter = "markers.contains(slow)"
                timeout = 1
            """,
            "test_it.py": """
                import time
                import pytest

                @pytest.mark.slow
                def test_slow(): time.sleep(60)

                def test_other(): pass
            """,
        }
    )
    ran = run(directory, ours=True)

    assert outcomes(ran) == {"test_slow": ["failed"], "test_other": ["passed"]}
    assert "longer than" in ran.out or "timed out" in ran.out


def test_what_is_ignored_is_skipped_and_says_why(project, run, tmp_path):
    directory = project(
        {
            "pytest.ini": INI,
            "maelstrom-pytest.toml": """
                [[directives]]
                filter = "markers.contains(off)"
                ignore = true
            """,
            "test_it.py": """
                import pytest

                @pytest.mark.off
                @pytest.mark.parametrize("x", [1, 2])
                def test_off(x): assert 0

                def test_on(): pass
            """,
        }
    )
    xml = tmp_path / "report.xml"
    ran = run(directory, "-rs", f"--junitxml={xml}", ours=True)

    assert ran.code == 0
    assert outcomes(ran) == {
        "test_off[1]": ["skipped"],
        "test_off[2]": ["skipped"],
        "test_on": ["passed"],
    }
    reason = "ignored by directives[0] of maelstrom-pytest.toml"
    assert f"SKIPPED [2] test_it.py:4: {reason}" in ran.out
    assert xml.read_text().count(f'message="{reason}"') == 2
    assert "[100%]" in ran.out
    only = run(directory, "--maelstrom-include=markers.contains(off)", ours=True)
    assert (only.code, len(only.cases)) == (0, 2)


def test_tests_are_collected_in_what_holds_for_all_of_them(project, run):
    directory = project(
        {
            "maelstrom-pytest.toml": '[[directives]]\nenvironment = { CASES = "3" }\n',
            "test_it.py": """
                import os
                import pytest

                @pytest.mark.parametrize("x", range(int(os.environ["CASES"])))
                def test_it(x): pass
            """,
        }
    )
    assert len(run(directory, ours=True).cases) == 3


def test_the_container_that_is_explained_is_that_one(project, run):
    mount = '{ type = "tmp", mount_point = "/scratch" }'
    directory = project({"test_it.py": "def test_it(): pass"})
    written = directory / "maelstrom-pytest.toml"

    written.write_text(f"[[directives]]\nadded_mounts = [{mount}]\n")
    assert "/scratch" in run(directory, "--maelstrom-explain", ours=True).out
    written.write_text(f'[[directives]]\nfilter = "name.eq(x)"\nadded_mounts = [{mount}]\n')
    assert "/scratch" not in run(directory, "--maelstrom-explain", ours=True).out


def test_all_faults_are_told_and_nothing_runs(project, run):
    directory = project(
        {
            "maelstrom-pytest.toml": """
                [[directives]]
                filter = "nome.equals(x)"
                mounts = [{ type = "tmpp" }]
                [containers.a]
                image = "python:3.13"
            """,
            "test_it.py": "def test_it(): pass",
        }
    )
    ran = run(directory, ours=True)

    assert (ran.code, ran.cases) == (4, {})
    for told in (
        "maelstrom-pytest.toml cannot be used:",
        "containers.a.image: expected docker://NAME, oci:PATH, oci-archive:PATH or docker-archive:PATH",
        "directives[0].filter: unknown selector nome; did you mean name?\n      nome.equals(x)\n      ^",
        "directives[0].mounts[0].type: expected one of bind, tmp,",
    ):
        assert told in ran.out


def test_a_variable_that_is_not_set_is_told_before_anything_runs(project, run):
    directory = project(
        {
            "maelstrom-pytest.toml": """
                [[directives]]
                filter = "name.equals(test_it)"
                environment = { A = "$env{THERE_IS_NO_SUCH_VARIABLE}" }
            """,
            "test_it.py": "def test_it(): pass\ndef test_that(): pass\n",
        }
    )
    ran = run(directory, ours=True)

    assert (ran.code, ran.cases) == (4, {})
    assert "directives[0].environment.A: $env{THERE_IS_NO_SUCH_VARIABLE} is not set" in ran.out


def test_a_starter_is_written_once_and_is_valid_with_and_without_its_comments(project, run):
    directory = project({"pytest.ini": INI, "test_it.py": "def test_it(): pass"})
    first = run(directory, "--maelstrom-init", ours=True)
    written = directory / "maelstrom-pytest.toml"
    assert first.code == 0
    assert written.read_text() == STARTER

    written.write_text("# mine\n")
    again = run(directory, "--maelstrom-init", ours=True)
    assert again.code == 4
    assert "is there already" in again.out
    assert written.read_text() == "# mine\n"


def read_starter(text: str):
    return read_directives(tomllib.loads(text), SELECTORS, file="x", cannot=CANNOT)


def test_the_starter_says_nothing_and_its_examples_are_right(project, run):
    assert read_starter(STARTER).directives == ()
    used = STARTER.replace("#: ", "")
    assert len(read_starter(used).directives) == used.count("[[directives]]") > 3

    directory = project({"pytest.ini": INI, "test_it.py": "def test_large(): pass"})
    Path(directory, "maelstrom-pytest.toml").write_text(used)
    assert run(directory, ours=True).code == 0
