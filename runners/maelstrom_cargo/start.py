"""Where the program ``cargo-maelstrom`` begins: with as little imported as can be."""

import gc
import sys

from maelstrom_core.kept_code import kept_code


def main() -> int:
    """Run the program; its exit status."""
    collects = gc.isenabled()
    gc.disable()  # importing makes no garbage
    try:
        with kept_code("cargo-maelstrom-options"):
            from maelstrom_cargo.cli import main as run
    finally:
        if collects:
            gc.enable()
    return run()


if __name__ == "__main__":
    sys.exit(main())
