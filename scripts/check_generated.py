"""Fails where a committed generated file is not what the code generates: contract and its types."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.provision import PWA, ROOT, VENV, Provision, ProvisionError

CONTRACT = PWA / "openapi.json"
TYPES = PWA / "src" / "core" / "api.gen.ts"


def main() -> int:
    """Generate both anew in a temporary folder and compare."""
    with tempfile.TemporaryDirectory(prefix="ironfeet-generated-") as folder:
        contract, types = Path(folder, "openapi.json"), Path(folder, "api.gen.ts")
        export = [str(VENV / "bin/python"), "-m", "scripts.export_openapi", str(contract)]
        subprocess.run(export, check=True, cwd=ROOT)
        generate = ["npx", "--no-install", "openapi-typescript", str(contract), "-o", str(types)]
        environ = Provision(ROOT / "var", os.environ).node_packages()
        subprocess.run(generate, check=True, cwd=PWA, env=environ, stdout=subprocess.DEVNULL)
        pairs = ((CONTRACT, contract), (TYPES, types))
        stale = [kept for kept, made in pairs if not kept.exists() or kept.read_bytes() != made.read_bytes()]
    for file in stale:
        print(f"ironfeet: {file.relative_to(ROOT)} is stale; run: make openapi", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ProvisionError, subprocess.CalledProcessError) as error:
        sys.exit(f"ironfeet: {error}")
