"""Settings: who decides, what is refused, and what people are told of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from maelstrom_core.errors import InputError, UsageError
from maelstrom_core.settings import COMMON, Field, Schema, Settings, load
from maelstrom_core.settings.schema import (
    text,
)

FIELDS = COMMON(slots=1, store="/default/store", state="/default/state")
COMMAND_LINE, OWN, SHARED = "command line", "$MAELSTROM_DEMO_SLOTS", "$MAELSTROM_SLOTS"


class Sources:
    """Everything that can say how many slots there are, on a real disk."""

    def __init__(self, directory: Path) -> None:
        self.home, self.site = directory / "home", directory / "site"
        self.command_line: dict[str, object] = {}
        self.environment = {"XDG_CONFIG_HOME": f"{self.home}", "XDG_CONFIG_DIRS": f"{self.site}"}

    def file(self, directory: Path) -> Path:
        return directory / "maelstrom" / "demo" / "config.toml"

    def write(self, toml: str, directory: Path | None = None) -> Path:
        path = self.file(directory or self.home)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(toml)
        return path

    def load(self, *, config_file: str | None = None, prefix: str = "MAELSTROM_DEMO") -> Settings:
        return load(
            Schema("demo", prefix, FIELDS),
            self.command_line,
            environment=self.environment,
            config_file=config_file,
        )

    def faults(self, **how: str) -> tuple[str, ...]:
        with pytest.raises(InputError) as bad:
            self.load(**how)
        return bad.value.faults


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


# Who decides


@pytest.mark.parametrize("silent", range(6))
def test_command_line_own_variable_shared_variable_user_file_site_file_default(
    silent: int, sources: Sources
) -> None:
    """Each source wins over those after it, and is named as the origin, once those before it
    are silent."""
    say: list[tuple[str, Callable[[], object]]] = [
        (COMMAND_LINE, lambda: sources.command_line.update(slots="2")),
        (OWN, lambda: sources.environment.update(MAELSTROM_DEMO_SLOTS="3")),
        (SHARED, lambda: sources.environment.update(MAELSTROM_SLOTS="4")),
        (f"{sources.file(sources.home)}", lambda: sources.write("slots = 5")),
        (f"{sources.file(sources.site)}", lambda: sources.write("slots = 6", sources.site)),
        ("default", lambda: None),
    ]
    for _, speak in say[silent:]:
        speak()
    settings = sources.load()
    assert settings.origin("slots") == say[silent][0]
    assert settings.slots == [2, 3, 4, 5, 6, 1][silent]


def test_each_setting_is_decided_for_itself(sources: Sources) -> None:
    sources.write('store = "/home"\nslots = 5')
    sources.write('store = "/site"\ntimeout = 9', sources.site)
    settings = sources.load()
    assert (settings.store, settings.slots, settings.timeout) == ("/home", 5, 9.0)


def test_the_first_of_several_site_directories_wins(sources: Sources, tmp_path: Path) -> None:
    sources.environment["XDG_CONFIG_DIRS"] = f"{tmp_path / 'one'}:{tmp_path / 'two'}"
    sources.write("slots = 8", tmp_path / "two")
    assert sources.load().slots == 8
    sources.write("slots = 7", tmp_path / "one")
    assert sources.load().slots == 7


@pytest.mark.parametrize("unset", ["", "relative"])
def test_without_a_usable_xdg_config_home_it_is_below_home(
    unset: str, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sources.write("slots = 6", Path("relative"))
    sources.write("slots = 5", tmp_path / ".config")
    sources.environment |= {"XDG_CONFIG_HOME": unset, "HOME": f"{tmp_path}"}
    assert sources.load().slots == 5


def test_relative_site_directories_are_ignored(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sources.write("slots = 6", Path("relative"))
    sources.environment["XDG_CONFIG_DIRS"] = "relative:"
    assert sources.load().origin("slots") == "default"


def test_a_directory_that_cannot_be_looked_at_is_skipped(sources: Sources) -> None:
    sources.environment["XDG_CONFIG_HOME"] = "/" + 300 * "x"
    assert sources.load().slots == 1


def test_a_named_file_is_read_alone(sources: Sources, tmp_path: Path) -> None:
    sources.write("slots = 5\ntimeout = 9")
    named = tmp_path / "named.toml"
    named.write_text("slots = 8")
    settings = sources.load(config_file=f"{named}")
    assert (settings.slots, settings.timeout) == (8, None)
    assert settings.origin("slots") == f"{named}"


def test_a_dash_reads_no_file_but_still_the_environment(sources: Sources) -> None:
    sources.write("slots = 5\ntimeout = 9")
    sources.environment["MAELSTROM_TIMEOUT"] = "7"
    settings = sources.load(config_file="-")
    assert (settings.slots, settings.timeout) == (1, 7.0)


# What people are told


def test_every_setting_is_described_with_its_value_and_origin(sources: Sources) -> None:
    file = sources.write('store = "/layers"')
    sources.environment["MAELSTROM_CACHE_SIZE"] = "1kB"
    sources.command_line["slots"] = 2
    assert sources.load().described().splitlines() == [
        "slots               = 2  # command line",
        f'store               = "/layers"  # {file}',
        'cache-size          = "1kB"  # $MAELSTROM_CACHE_SIZE',
        'insecure-registries = ""  # default',
        'state               = "/default/state"  # default',
        'broker              = ""  # default',
        "cluster-only        = false  # default",
        'cluster-directory   = "/default/state/cluster"  # default',
        'shared-history      = "auto"  # default',
        'labels              = ""  # default',
        'template-memory     = "25%"  # default',
        "timeout             = 0  # default",
        'interpreter         = "auto"  # default',
        "repeat              = 1  # default",
        "retries             = 0  # default",
        "stop-after          = 0  # default",
        "fail-on-flaky       = false  # default",
        "slow-after          = 60  # default",
        'leaky               = "mark"  # default',
    ]


def test_a_join_string_is_described_without_its_keys(sources: Sources) -> None:
    sources.command_line["broker"] = "maelstrom-join-1/client/ann/host:4000/PUBLIC/SECRET/12345678"
    described = sources.load().described()
    told = "broker is maelstrom-join-1/client/ann/host:4000/… and a secret that is not shown"
    assert f"# {told}  # command line" in described
    assert "SECRET" not in described
    assert "SECRET" in sources.load().broker
    sources.command_line["broker"] = "maelstrom-join-SECRET"
    assert "SECRET" not in sources.load().described()


@pytest.mark.parametrize(
    ("name", "written", "shown"),
    [
        ("slots", "3", "3"),
        ("fail-on-flaky", "true", "true"),
        ("timeout", "2m", '"2m"'),
        ("timeout", 1.5, "1.5"),
        ("store", 'a "b"\\\n\t\x7f\x00é😀#', r'"a \"b\"\\\n\t\u007f\u0000é😀#"'),
        ("insecure-registries", ["a:5000", "b"], '["a:5000", "b"]'),
        ("insecure-registries", [], "[]"),
    ],
)
def test_what_is_described_can_be_written_into_a_file(
    name: str, written: object, shown: str, sources: Sources, tmp_path: Path
) -> None:
    sources.command_line[name] = written
    described = sources.load().described()
    again = Sources(tmp_path / "again")
    again.write(described)

    assert f"= {shown}  # command line" in described
    for field in FIELDS:
        there, here = (getattr(one.load(), field.attribute) for one in (sources, again))
        assert there == here, field.name


def test_what_a_file_cannot_say_is_a_comment(sources: Sources) -> None:
    sources.environment["MAELSTROM_STORE"] = "a\udcff"
    fields = [*FIELDS, Field(name="own", read=text, default=None, help="one")]
    settings = load(Schema("demo", "MAELSTROM_DEMO", fields), {}, environment=sources.environment)
    lines = settings.described().splitlines()

    assert r"# store cannot be written here: 'a\udcff'  # $MAELSTROM_STORE" in lines
    assert lines[-1] == "# own is not set  # default"


def test_no_name_of_a_file_ends_its_line(tmp_path: Path) -> None:
    strange = tmp_path / "a\nslots = 9"
    strange.mkdir()
    sources = Sources(strange)
    sources.write("slots = 5")

    again = Sources(tmp_path / "again")
    again.write(sources.load().described())
    assert again.load().slots == 5


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("slot", "did you mean slots?"),
        ("cache_size", "did you mean cache-size?"),
        ("Timeout", "did you mean timeout?"),
        (
            "zzz",
            "known: slots, store, cache-size, insecure-registries, state, broker, cluster-only, "
            "cluster-directory, shared-history, labels, template-memory, timeout, interpreter, "
            "repeat, retries, stop-after, fail-on-flaky, slow-after, leaky",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_what_was_meant(
    written: str, hint: str, sources: Sources
) -> None:
    file = sources.write(f"{written} = 1")
    assert sources.faults() == (f"{file}: {written}: unknown; {hint}",)


def test_an_unknown_variable_of_the_program_is_refused_with_what_was_meant(
    sources: Sources,
) -> None:
    sources.environment["MAELSTROM_DEMO_SLOT"] = "3"
    sources.environment["MAELSTROM_DEMO_CACHE_SIZE"] = "1kB"
    assert sources.faults() == ("$MAELSTROM_DEMO_SLOT: slot: unknown; did you mean slots?",)


def test_a_variable_that_may_be_another_programs_is_let_be(sources: Sources) -> None:
    sources.environment["MAELSTROM_OTHER_SLOTS"] = sources.environment["MAELSTROM_SLOT"] = "3"
    assert sources.load().slots == 1
    assert sources.load(prefix="MAELSTROM").slots == 1


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ('slots = "many"', "slots: 'many' must be a whole number"),
        ("slots = true", "slots: True must be a whole number"),
        ("slots = 0", "slots: 0 must be at least 1"),
        ("[slots]", "slots: {} must be a whole number"),
        ("store = 1", "store: 1 must be a text"),
        ("timeout = -1", "timeout: -1 must be a number of seconds such as 30 or 2m"),
        ("cache-size = '1 furlong'", "cache-size: '1 furlong' must be a size such as 64MiB or 1GB"),
        ("repeat = 0", "repeat: 0 must be at least 1"),
        ("retries = -1", "retries: -1 must be at least 0"),
        ('stop-after = "x"', "stop-after: 'x' must be a whole number"),
        ("fail-on-flaky = 1", "fail-on-flaky: 1 must be true or false"),
        ("interpreter = []", "interpreter: [] must be one of auto, stub, python"),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_file(
    toml: str, fault: str, sources: Sources
) -> None:
    file = sources.write(toml)
    assert sources.faults() == (f"{file}: {fault}",)


@pytest.mark.parametrize("variable", ["MAELSTROM_DEMO_SLOTS", "MAELSTROM_SLOTS"])
def test_a_bad_value_is_refused_with_the_name_of_its_variable(
    variable: str, sources: Sources
) -> None:
    sources.environment[variable] = "many"
    assert sources.faults() == (f"${variable}: slots: 'many' must be a whole number",)


def test_a_variable_is_told_of_once_if_the_programs_prefix_is_the_shared_one(
    sources: Sources,
) -> None:
    sources.environment["MAELSTROM_SLOTS"] = "many"
    assert len(sources.faults(prefix="MAELSTROM")) == 1


def test_all_faults_of_all_sources_are_told_together_even_those_that_do_not_decide(
    sources: Sources,
) -> None:
    file = sources.write("slots = 'x'\nslot = 1")
    sources.environment["MAELSTROM_TIMEOUT"] = "soon"
    sources.command_line["slots"] = 2
    places = [fault.split(": ")[:2] for fault in sources.faults()]
    assert sorted(places) == sorted(
        [[f"{file}", "slots"], [f"{file}", "slot"], ["$MAELSTROM_TIMEOUT", "timeout"]]
    )


@pytest.mark.parametrize("content", [b"slots =", b"store = '\xff'"], ids=["syntax", "encoding"])
def test_a_file_that_is_not_toml_is_refused_with_its_name(content: bytes, sources: Sources) -> None:
    file = sources.write("")
    file.write_bytes(content)
    (fault,) = sources.faults()
    assert fault.startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("named", "reason"), [("gone", "No such file or directory"), ("", "Is a directory")]
)
def test_a_named_file_that_cannot_be_read_is_refused_with_the_reason(
    named: str, reason: str, sources: Sources, tmp_path: Path
) -> None:
    path = tmp_path / named
    with pytest.raises(UsageError) as bad:
        sources.load(config_file=f"{path}")
    assert str(bad.value) == f"settings file {path}: {reason}"


# What values mean


def test_asking_for_a_setting_that_does_not_exist_names_it(sources: Sources) -> None:
    with pytest.raises(AttributeError, match=r"no setting slot$"):
        _ = sources.load().slot
