"""``python -m snnc``: the command line."""

import sys

from snnc import _native


def main() -> int:
    """Runs the command with the arguments of this process and gives its exit code."""
    return _native.command(["snnc", *sys.argv[1:]])


if __name__ == "__main__":
    raise SystemExit(main())
