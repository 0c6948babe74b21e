"""Where the program ``maelstrom-run`` begins: with as little imported as can be."""

import sys

from maelstrom_core.kept_code import kept_code


def main() -> int:
    """Run the program; its exit status, unless it dies of a signal."""
    with kept_code("run-options"):
        from maelstrom_run.cli import main as run
    return run()


if __name__ == "__main__":
    sys.exit(main())
