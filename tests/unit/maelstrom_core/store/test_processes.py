"""Several processes on one store put, lease and evict at once: nobody sees half of anything, and
what is leased is never taken away."""

import subprocess
import sys
from pathlib import Path

from maelstrom_core.store import Store

WORKER = """
import random, sys
from pathlib import Path
from maelstrom_core.layers import make_layers
from maelstrom_core.model.layers import GlobLayer
from maelstrom_core.store import Store

store, project, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
dice = random.Random(seed)
with Store.open(store, limit_bytes=60_000) as opened:
    for _ in range(25):
        names = dice.sample(range(12), 3)
        layers = [GlobLayer(root=str(project / str(name)), globs=("**",)) for name in names]
        made = make_layers(layers, project_directory=project, store=opened)
        with made.lease:
            if dice.random() < 0.3:
                opened.evict(0)
            for name, digest in zip(names, made.digests):
                (tree,) = opened.lower_directories([digest])
                files = sorted(path for path in tree.rglob("*") if path.is_file())
                assert [file.read_bytes() for file in files] == [bytes([name, i]) * 4000
                    for i in range(2)], (name, files)
print("sound")
"""


def test_processes_that_put_lease_and_evict_at_once_never_see_half_a_tree(tmp_path: Path):
    project, store = tmp_path / "project", tmp_path / "store"
    for name in range(12):
        directory = project / str(name)
        directory.mkdir(parents=True)
        for index in range(2):
            (directory / f"file-{index}").write_bytes(bytes([name, index]) * 4000)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(store), str(project), str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(4)
    ]
    said = [process.communicate(timeout=120) for process in started]
    assert said == [("sound\n", "")] * 4
    with Store.open(store) as opened:
        assert opened.verify() == []
        assert not any((store / "leases").iterdir())
        opened.evict(0)
        assert not any((store / "trees").glob("??/*"))
        assert not any((store / "blobs").glob("??/*"))


def test_a_new_store_may_be_opened_by_many_at_once(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from maelstrom_core.store import Store\n"
        "for index in range(10):\n"
        "    Store.open(Path(sys.argv[1]) / str(index)).close()\n"
    )
    (tmp_path / "stores").mkdir()
    command = [sys.executable, "-c", code, str(tmp_path / "stores")]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[1] for process in started] == [""] * 4
    assert [process.returncode for process in started] == [0] * 4
