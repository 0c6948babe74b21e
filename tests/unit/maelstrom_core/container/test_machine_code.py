"""The bytes in the repository are what their sources assemble to."""

from pathlib import Path

import pytest

from maelstrom_core.container.stub.assemble import SOURCES, assemble, machine_of


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_bytes_are_what_the_source_assembles_to(source: Path) -> None:
    code = assemble(source)
    if code is None:
        pytest.skip(f"no assembler for {machine_of(source)} is installed")
    assert code == source.with_suffix(".bin").read_bytes()
