"""Where the program ``maelstrom-go-test`` begins: with as little imported as can be."""

import sys

from maelstrom_core.kept_code import kept_code


def main() -> int:
    """Run the program; its exit status."""
    with kept_code("maelstrom-go-test-options"):
        from maelstrom_go.cli import main as run
    return run()


if __name__ == "__main__":
    sys.exit(main())
