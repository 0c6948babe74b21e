"""Tests of Go in an image: its system, the project at its own path."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from maelstrom_core.container.probe import probe

pytestmark = pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")
FILES = {
    "go.mod": "module example.com/shop\n\ngo 1.20\n",
    "inner/testdata/name": "a name\n",
    # The network's names have it call the C library, where there is a C compiler.
    "inner/shop_test.go": """
package inner

import (
	"net"
	"os"
	"os/exec"
	"testing"
)

func TestInTheImage(t *testing.T) {
	if data, err := os.ReadFile("/of-the-image"); err != nil || string(data) != "here" {
		t.Fatal(err, string(data))
	}
	if os.Getenv("OF_THE_IMAGE") != "yes" || os.Getenv("OF_THE_SHELL") != "" {
		t.Fatal(os.Environ())
	}
	if _, err := os.Stat("/usr/bin/env"); err == nil {
		t.Fatal("the system is this machine's")
	}
	if data, err := os.ReadFile("testdata/name"); err != nil || string(data) != "a name\\n" {
		t.Fatal(err, string(data))
	}
	said, err := exec.Command("sh", "-c", "echo said").Output()
	if err != nil || string(said) != "said\\n" {
		t.Fatal(err, string(said))
	}
	if err := os.WriteFile("/written", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	net.LookupHost("localhost")
}

func TestHere(t *testing.T) {
	if _, err := os.Stat("/usr/bin/env"); err != nil || os.Getenv("OF_THE_SHELL") != "1" {
		t.Fatal(err, os.Environ())
	}
}
""",
}


def test_a_run_in_an_image(images: Any, tmp_path: Path) -> None:
    refused = [finding for finding in probe() if finding.essential and not finding.ok]
    if refused:
        pytest.skip(f"this host refuses containers: {refused[0].name}: {refused[0].detail}")
    directory = tmp_path / "shop"
    for name, text in FILES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    image = tmp_path / "image.tar"
    layer = images.small_layer(["/bin/sh"], {"of-the-image": "here"})
    images.write(image, layer, Env=["PATH=/bin", "OF_THE_IMAGE=yes"], WorkingDir="/somewhere")
    (directory / "maelstrom-go-test.toml").write_text(f"""
[[directives]]
filter = "name.equals(TestInTheImage)"
image = "docker-archive:{image}"
""")
    environment = {
        "MAELSTROM_STORE": str(tmp_path / "kept" / "store"),
        "MAELSTROM_STATE": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path),
        "GOFLAGS": "",
        "OF_THE_SHELL": "1",
    }

    done = subprocess.run(
        [sys.executable, "-m", "maelstrom_go.cli", "--ui", "json"],
        cwd=directory,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )

    events = [json.loads(line) for line in done.stdout.splitlines()]
    reports = {e["id"].split()[-1]: e for e in events if e["event"] == "case reported"}
    assert {name: report["status"] for name, report in reports.items()} == {
        "TestInTheImage": "passed",
        "TestHere": "passed",
    }, done.stdout + done.stderr
