"""Write hooks.md out of the docstrings of the hookspecs: ``python docs/reference/make_hooks.py``."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from maelstrom_core.hooks import specs

TARGET = Path(__file__).with_name("hooks.md")
HEAD = """\
# Hooks

<!-- Made by make_hooks.py out of maelstrom_core/hooks/specs.py: change that, not this. -->
"""


def reference() -> str:
    """The whole page."""
    tree = ast.parse(inspect.getsource(specs))
    hooks = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    introduction = _prose((ast.get_docstring(tree) or "").partition("\n")[2])
    listed = "\n".join(f"- [{hook.name}](#{hook.name})" for hook in hooks)
    parts = [
        HEAD,
        introduction,
        f"API version: {specs.API_VERSION}.",
        listed,
        *("\n\n".join(_section(hook)) for hook in hooks),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _section(hook: ast.FunctionDef) -> Iterator[str]:
    yield f"## {hook.name}"
    returns = ast.unparse(hook.returns) if hook.returns else "None"
    arguments = ast.unparse(hook.args)
    yield f"```python\ndef {hook.name}({arguments}) -> {returns}: ...\n```"
    text, _, example = (ast.get_docstring(hook) or "").partition("\nExample::\n")
    prose, fields = re.split(r"\n(?=:)", text, maxsplit=1) if "\n:" in text else (text, "")
    yield _prose(prose)
    if "firstresult=True" in ast.unparse(hook.decorator_list[0]):
        yield "The first answer that is not `None` is taken."
    if fields:
        yield "\n".join(_field(one) for one in re.split(r"\n(?=:)", fields.strip()))
    if example:
        yield f"```python\n{textwrap.dedent(example).strip()}\n```"


def _field(text: str) -> str:
    """``:param name: words`` as an item of a list."""
    kind, words = re.fullmatch(r":([^:]+):\s*(.*)", " ".join(text.split())).groups()  # type: ignore[union-attr]
    name = f"`{kind.removeprefix('param ')}`" if kind.startswith("param ") else f"{kind}s"
    return f"- {name}: {_prose(words)}"


def _prose(text: str) -> str:
    """Paragraphs of a docstring as Markdown."""
    return text.strip().replace("``", "`")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
