"""Suites that show one cost each: of a case, of an import, of a start."""

from pathlib import Path

IMPORTS = '''"""A dependency that takes a second of CPU time to import, as large ones do."""

import time

END = time.process_time() + 1
while time.process_time() < END:
    pass
'''


def trivial_suite(directory: Path, cases: int) -> Path:
    """Cases that do nothing, in files of a hundred: what is left is the price of a case."""
    for first in range(0, cases, 100):
        numbers = range(first, min(first + 100, cases))
        text = "\n\n".join(f"def test_{number}():\n    pass\n" for number in numbers)
        write(directory / f"test_from_{first}.py", text)
    return directory


def imports_suite(directory: Path) -> Path:
    """Forty cases in four files which all import what takes a second."""
    write(directory / "dear.py", IMPORTS)
    for file in range(4):
        cases = "\n\n".join(f"def test_{number}():\n    assert dear.END\n" for number in range(10))
        write(directory / f"test_{file}.py", f"import dear\n\n\n{cases}")
    return directory


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
