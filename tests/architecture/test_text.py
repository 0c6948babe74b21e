"""What every file owes its reader: a first line that says what it is for, a size that can be read,
a name that says something, and no path of somebody's machine.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

Rules = dict[str, Any]
Sample = Callable[[str, str], Any]


def without_purpose(source: Any) -> list[str]:
    first = source.docstring.partition("\n")[0]
    if first:
        return []
    return [f"{source.path}:1: says not what it is for: begin it with a docstring"]


def too_long(source: Any, rules: Rules) -> list[str]:
    lines, limit = len(source.text.splitlines()), rules["layout"]["lines"]
    if lines < limit:
        return []
    return [
        f"{source.path}: {lines} lines, and less than {limit} can be read at one go: split it by "
        f"idea (a machine by its sub-machines), not into helpers"
    ]


def nameless(path: str, rules: Rules) -> list[str]:
    words = rules["layout"]["nameless"]
    return [
        f"{path}: {part} says nothing of what is in it: name it after what it does, or move its "
        f"parts to those who need them"
        for part in Path(path).with_suffix("").parts
        if part in words
        or part.lstrip("_").startswith(tuple(f"{word}_" for word in words))
        or part.lstrip("_") in words
        or part.endswith(tuple(f"_{word}" for word in words))
    ]


# Neither ``$HOME/work/`` nor ``{room}/work/`` is an absolute path; a schema's ``file:///`` is.
_OWN_PATH = re.compile(r"(?<![\w.$}~)-])/(?:(?:home|Users)/[\w-]+/?|root/|work/)[\w./-]*")


def own_paths(source: Any, allowed: list[dict[str, Any]]) -> list[str]:
    return [
        f"{source.path}:{number}: {path} is a path of somebody's machine: take it from an argument, "
        f"the environment or __file__; if it is none, say so under [[paths]] in rules.toml"
        for number, line in enumerate(source.text.splitlines(), 1)
        for path in _OWN_PATH.findall(line)
        if not any(
            fnmatchcase(path, one["text"]) and source.path in one["files"] for one in allowed
        )
    ]


def test_a_file_says_what_it_is_for(python_file: Any) -> None:
    assert without_purpose(python_file) == []


def test_a_file_can_be_read_at_one_go(python_file: Any, rules: Rules) -> None:
    assert too_long(python_file, rules) == []


def test_a_file_is_named_after_what_it_does(python_file: Any, rules: Rules) -> None:
    assert nameless(python_file.path, rules) == []


def test_a_file_names_no_path_of_somebody_s_machine(text_file: Any, rules: Rules) -> None:
    found = own_paths(text_file, rules["paths"])
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text", ["", "import os", "# Says it.\nimport os", '"""\n\n"""', "x = 'a'"]
)
def test_a_file_without_purpose_is_found(sample: Sample, text: str) -> None:
    assert without_purpose(sample("maelstrom_core/new.py", text))


def test_a_long_file_is_found(sample: Sample, rules: Rules) -> None:
    limit = rules["layout"]["lines"]
    assert too_long(sample("maelstrom_core/new.py", "x = 1\n" * (limit - 1)), rules) == []
    (found,) = too_long(sample("maelstrom_core/new.py", "x = 1\n" * limit), rules)
    assert f"{limit} lines" in found


@pytest.mark.parametrize(
    "path",
    [
        "maelstrom_core/utils.py",
        "maelstrom_core/store/helpers.py",
        "maelstrom_core/common/__init__.py",
        "pytest_maelstrom/misc.py",
        "pytest_maelstrom/_util.py",
        "tests/unit/path_utils.py",
        "tests/helper_functions.py",
    ],
)
def test_a_name_that_says_nothing_is_found(rules: Rules, path: str) -> None:
    assert nameless(path, rules)


def test_names_that_only_contain_such_a_word_are_allowed(rules: Rules) -> None:
    assert nameless("maelstrom_core/commonest/utilisation.py", rules) == []


HERE = "/home" + "/bob/src/x.py"


@pytest.mark.parametrize(
    "text",
    [
        HERE,
        f'path = "{HERE}"',
        f"see file://{HERE}",
        f"PATH=/usr/bin:{HERE}",
        "/Users" + "/bob",
        "cd /root" + "/src",
        "(/work" + "/main)",
        "ok\n[guide](/work" + "/guide.md)",
    ],
)
@pytest.mark.parametrize("path", ["README.md", "pytest_maelstrom/environment_plan.py"])
def test_a_path_of_somebody_s_machine_is_found(
    sample: Sample, rules: Rules, path: str, text: str
) -> None:
    (found,) = own_paths(sample(path, text), rules["paths"])
    assert found.startswith(f"{path}:{len(text.splitlines())}: ")


@pytest.mark.parametrize(
    "text",
    [
        "workdir={room}/work,userxattr",
        "$HOME/work/x",
        "~/work/x",
        "/home",
        "/homework/x",
        "src/home/ann",
        "https://example.org/root/x",
        "../work/x",
    ],
)
def test_what_only_looks_like_one_is_allowed(sample: Sample, rules: Rules, text: str) -> None:
    assert own_paths(sample("README.md", text), rules["paths"]) == []


def spare(allowed: list[dict[str, Any]], texts: tuple[Any, ...]) -> list[str]:
    """Allowances that nobody needs."""
    by_path = {source.path: source for source in texts}
    return [
        f"rules.toml: {name} no longer has {one['text']}: take it out of [[paths]]"
        for one in allowed
        for name in one["files"]
        if not any(
            fnmatchcase(path, one["text"])
            for source in [by_path.get(name)]
            if source is not None
            for path in _OWN_PATH.findall(source.text)
        )
    ]


def test_every_allowed_path_is_still_there(rules: Rules, all_texts: tuple[Any, ...]) -> None:
    found = spare(rules["paths"], all_texts)
    assert not found, "\n".join(found)


ROOTS = "/root" + "/"
"""In two parts, or this file were found itself."""


def test_an_allowance_that_nobody_needs_is_found(sample: Sample) -> None:
    allowed = [{"text": ROOTS, "files": ["a.py", "b.py"]}]
    (found,) = spare(allowed, (sample("a.py", f"'{ROOTS}'"), sample("b.py", "")))
    assert f"b.py no longer has {ROOTS}" in found
