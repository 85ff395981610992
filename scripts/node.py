"""Runs a command with node on the path: the system's, else the one in the virtual environment.

python3 -m scripts.node FOLDER COMMAND …
"""

from __future__ import annotations

import os
import subprocess
import sys

from scripts.provision import ROOT, Provision, ProvisionError


def main(arguments: list[str]) -> int:
    """Install the pages' packages where needed and run the command in FOLDER."""
    try:
        environ = Provision(ROOT / "var", os.environ).node_packages()
    except ProvisionError as error:
        print(f"ironfeet: {error}", file=sys.stderr)
        return 1
    return subprocess.run(arguments[1:], check=False, cwd=ROOT / arguments[0], env=environ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
