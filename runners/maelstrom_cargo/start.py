"""Where the program ``cargo-maelstrom`` begins: with as little imported as can be."""

import sys

from maelstrom_core.kept_code import kept_code


def main() -> int:
    """Run the program; its exit status."""
    with kept_code("cargo-maelstrom-options"):
        from maelstrom_cargo.cli import main as run
    return run()


if __name__ == "__main__":
    sys.exit(main())
