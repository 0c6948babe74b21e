"""What the documents say of the code is so, and the other way round."""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from maelstrom_admin import cli as admin
from maelstrom_broker import settings as broker
from maelstrom_worker import settings as worker

from maelstrom_core.settings import Schema
from pytest_maelstrom import plugin
from pytest_maelstrom.settings import OPTIONS, schema

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [
    *GUIDES,
    *(ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG")),
]
SETTINGS = ROOT / "docs" / "guide" / "settings.md"
FOR_TESTS = {"MAELSTROM_ATTEMPT", "MAELSTROM_REPETITION"}
"""Variables that tests are given."""
FOR_PLUGINS = {"MAELSTROM_API"}
"""What modules of plugins say of themselves."""
FOR_BENCHES = {"MAELSTROM_ORIGINAL", "MAELSTROM_SCP"}
"""Variables that `bench` looks at."""
PYTEST = ROOT / "docs" / "guide" / "pytest.md"


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=short)


def blocks(page: Path, language: str) -> Iterator[str]:
    """Fenced blocks of a language."""
    yield from re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Where links into a page may point, by the rules of GitHub."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@every_page
def test_every_relative_link_resolves(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors(file), f"{target}: no such title"


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, waiting = set[Path](), [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = re.findall(r"\]\(([^)\s#]+\.md)", page.read_text())
        waiting += [(page.parent / target).resolve() for target in targets]

    assert set(GUIDES) - reached == set()


class Parser:
    """Takes down what options the plugin declares to pytest."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def getgroup(self, name: str, text: str) -> "Parser":
        return self

    def addoption(self, name: str, **how: object) -> None:
        self.names.add(name)


def declared_options() -> set[str]:
    parser = Parser()
    plugin.pytest_addoption(parser)  # type: ignore[arg-type]
    return parser.names


def known_variables() -> set[str]:
    own: Schema = schema()
    schemas = [own, admin.schema(), broker.schema(), worker.schema()]
    found = {f"MAELSTROM_{field.attribute.upper()}" for field in own}
    for known in schemas:
        found |= {f"{known.prefix}_{field.attribute.upper()}" for field in known}
    return found


@every_page
def test_every_option_named_exists(page: Path) -> None:
    named = set(re.findall(r"--maelstrom-[a-z-]*[a-z]", page.read_text()))

    assert named - declared_options() == set()


def test_every_option_is_documented() -> None:
    documented = set(
        re.findall(r"`(--maelstrom-[a-z-]+)[ `]", SETTINGS.read_text() + PYTEST.read_text())
    )

    assert declared_options() - documented == set()


@every_page
def test_every_variable_named_exists(page: Path) -> None:
    named = set(re.findall(r"\bMAELSTROM_[A-Z_]*[A-Z]\b", page.read_text()))

    assert (
        named
        - known_variables()
        - FOR_TESTS
        - FOR_BENCHES
        - FOR_PLUGINS
        - {f"MAELSTROM_{one}NAME" for one in ("", "PYTEST_", "RUN_")}
        == set()
    )


def rows() -> dict[str, list[str]]:
    """The table of settings: cells by the name in the first one."""
    lines = [line for line in SETTINGS.read_text().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_table_of_settings_is_the_schema() -> None:
    assert sorted(rows()) == sorted(schema().names())


@pytest.mark.parametrize("name", schema().names())
def test_a_setting_s_row_names_its_option_and_variable(name: str) -> None:
    option, variable = rows()[name][:2]

    assert option == (f"`--maelstrom-{name}`" if name in OPTIONS else "")
    assert variable == f"`MAELSTROM_{name.replace('-', '_').upper()}`"


@every_page
def test_python_blocks_compile(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, short(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_what_the_guide_for_runners_shows_is_in_the_example() -> None:
    example = ROOT / "examples" / "own_runner" / "shell_checks"
    plugins = ROOT / "examples" / "house_plugins" / "house_plugins"
    files = [example / "hooks.py", example / "cli.py", *plugins.glob("*.py")]
    trees = [ast.parse(file.read_text()) for file in files]
    there = {node.name for tree in trees for node in ast.walk(tree) if hasattr(node, "name")}
    guide = ROOT / "docs" / "guide" / "write-a-runner.md"
    shown = {
        node.name
        for block in blocks(guide, "python")
        for node in ast.parse(block).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert shown
    assert shown - there == set()


@pytest.fixture
def make_hooks() -> ModuleType:
    path = ROOT / "docs" / "reference" / "make_hooks.py"
    spec = importlib.util.spec_from_file_location("make_hooks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_of_hooks_is_up_to_date(make_hooks: ModuleType) -> None:
    assert make_hooks.TARGET.read_text() == make_hooks.reference(), (
        "run: python docs/reference/make_hooks.py"
    )


@every_page
def test_no_path_of_anybody_s_machine_is_named(page: Path) -> None:
    found = re.findall(r"(?<![\w.$/])/(?:work|root|home|Users)/[\w./-]*", page.read_text())

    assert [path for path in found if not path.startswith(("/home/ann/", "/root/.cache/"))] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=short)
def test_a_decision_says_what_was_rejected_and_what_would_change_it(page: Path) -> None:
    text = page.read_text()

    assert page.name.startswith(f"{int(text.split()[1].rstrip('.')):04}-")
    for part in ("**Choice.**", "**Because**", "**Rejected.**", "**Would change our mind:**"):
        assert part in text
    assert len(text.splitlines()) <= 45
