"""Every hook is documented where it is specified: plugin authors read nothing else."""

import ast
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Function = ast.FunctionDef | ast.AsyncFunctionDef
Sample = Callable[[str, str], Any]
SPECS = "maelstrom_core/hooks/specs.py"
MEND = "{path}:{line}: {name} {what}: see CONTRIBUTING.md, Add a hook"


def hookspecs(source: Any) -> Iterator[Function]:
    """Functions that are marked with ``@hookspec`` or ``@hookspec(…)``."""
    for node in ast.walk(source.tree):
        if isinstance(node, Function):
            marks = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
            if any(isinstance(mark, ast.Name) and mark.id == "hookspec" for mark in marks):
                yield node


def undocumented(source: Any) -> list[str]:
    return [
        MEND.format(path=source.path, line=spec.lineno, name=spec.name, what=what)
        for spec in hookspecs(source)
        for what in _missing(spec)
    ]


def _missing(spec: Function) -> Iterator[str]:
    said = ast.get_docstring(spec) or ""
    summary, _, rest = said.partition("\n")
    if not summary.endswith("."):
        yield "says nothing of itself in its first line"
    if not spec.name.startswith("maelstrom_"):
        yield "is not called maelstrom_…, by which misspelt hooks are found"
    if not any(word in said for word in ("Called once", "Called with", "Called at")):
        yield "does not say when it is called, and how often"
    for argument in (*spec.args.posonlyargs, *spec.args.args, *spec.args.kwonlyargs):
        if f":param {argument.arg}:" not in rest:
            yield f"does not say what {argument.arg} is"
        if argument.annotation is None:
            yield f"has no type for {argument.arg}"
    if spec.returns is None or ast.unparse(spec.returns) != "None":
        if ":return:" not in rest:
            yield "does not say what is returned"
    elif ":return:" in rest:
        yield "says what is returned, where nothing is"
    if "Example::" not in rest:
        yield "shows no example"


def unmarked(source: Any) -> list[str]:
    marked = {spec.name for spec in hookspecs(source)}
    return [
        MEND.format(path=source.path, line=node.lineno, name=node.name, what="lacks @hookspec")
        for node in source.tree.body
        if isinstance(node, Function)
        if node.name not in marked
    ]


@pytest.mark.parametrize("check", [undocumented, unmarked])
def test_every_hook_is_marked_and_documented(
    sources: dict[str, Any], check: Callable[[Any], list[str]]
) -> None:
    source = sources["maelstrom_core.hooks.specs"]
    assert len(list(hookspecs(source))) > 5, "the hooks are no longer found where they were"
    found = check(source)
    assert not found, "\n".join(found)


def test_hooks_are_specified_in_one_file_only(sources: dict[str, Any]) -> None:
    elsewhere = [
        source.path
        for source in sources.values()
        if source.path != SPECS and any(hookspecs(source))
    ]
    assert elsewhere == [], f"hooks are specified in {SPECS} alone"


WHOLE = '''
@hookspec(firstresult=True)
def maelstrom_look(run: RunView) -> Case | None:
    """Look at a run.

    Called once per run.

    :param run: the run
    :return: a case, or ``None``

    Example::

        pass
    """
'''


def test_a_documented_hook_is_let_through(sample: Sample) -> None:
    assert undocumented(sample(SPECS, WHOLE)) == []


@pytest.mark.parametrize(
    ("without", "instead", "what"),
    [
        ("Look at a run.", "Look", "says nothing of itself"),
        ("maelstrom_look", "look", "is not called maelstrom_…"),
        ("Called once per run.", "", "does not say when it is called"),
        (":param run: the run", "", "does not say what run is"),
        ("run: RunView)", "run: RunView, *, more: int)", "does not say what more is"),
        ("run: RunView)", "run)", "has no type for run"),
        (":return: a case", "a case", "does not say what is returned"),
        ("Case | None:", "None:", "says what is returned, where nothing is"),
        ("Example::", "", "shows no example"),
        ("(firstresult=True)\ndef", "\nasync def", ""),
    ],
)
def test_an_undocumented_hook_is_found(
    sample: Sample, without: str, instead: str, what: str
) -> None:
    assert without in WHOLE
    found = undocumented(sample(SPECS, WHOLE.replace(without, instead, 1)))
    assert len(found) == bool(what)
    assert what in "".join(found)


def test_a_hook_without_its_mark_is_found(sample: Sample) -> None:
    (found,) = unmarked(sample(SPECS, WHOLE.replace("@hookspec(firstresult=True)", "")))
    assert "maelstrom_look lacks @hookspec" in found
