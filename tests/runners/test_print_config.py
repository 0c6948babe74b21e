"""Every program shows its settings in a way that its own file of settings takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OTHERWISE = {
    "MAELSTROM_SLOTS": "3",
    "MAELSTROM_TIMEOUT": "2m",
    "MAELSTROM_CACHE_SIZE": "1.5 GB",
    "MAELSTROM_INSECURE_REGISTRIES": "a:5000,b",
    "MAELSTROM_STORE": 'st"o\\re',
    "MAELSTROM_FAIL_ON_FLAKY": "true",
    "MAELSTROM_TEMPLATE_MEMORY": "10%",
    "MAELSTROM_RUN_ESCAPE_CHAR": "\\x1d",
    "MAELSTROM_PYTEST_OUTPUT": "left",
}
PROGRAMS = {
    "maelstrom": ["-m", "maelstrom_core.cli", "--print-config"],
    "maelstrom-run": ["-m", "maelstrom_run.cli", "--print-config"],
    "maelstrom-go-test": ["-m", "maelstrom_go.cli", "--print-config"],
    "maelstrom-pytest": ["-m", "pytest", "-p", "maelstrom", "--maelstrom-print-config"],
}


@pytest.mark.parametrize("variables", [{}, OTHERWISE], ids=["defaults", "otherwise"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_shown_can_be_written_into_the_file(
    program: str, variables: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "maelstrom" / program / "config.toml"

    def shown(**own: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if "MAELSTROM" not in name}
        done = subprocess.run(
            [sys.executable, *PROGRAMS[program]],
            env={**clean, "XDG_CONFIG_HOME": str(tmp_path), **own},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(done.stdout)
        return dict(line.rsplit("  # ", 1) for line in done.stdout.splitlines())

    prefix = program.upper().replace("-", "_")
    ours = {
        name: value
        for name, value in variables.items()
        if not name.startswith(("MAELSTROM_RUN_", "MAELSTROM_PYTEST_")) or name.startswith(prefix)
    }
    before = shown(**ours)
    after = shown()

    assert list(before) == list(after)
    assert set(after.values()) <= {str(file), "default"}
    # All but what is not set comes from the file.
    assert [line for line, origin in after.items() if origin == "default"] == [
        line for line in after if line.startswith("#")
    ]
    if ours:
        assert any(line.replace(" ", "") == "slots=3" for line in before)
