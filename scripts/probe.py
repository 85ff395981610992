"""Asks whether something answers."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path


def accepts(path: Path) -> bool:
    """True where something listens on the unix socket *path*."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def ask(host: str, port: int, path: str) -> tuple[int | None, str]:
    """Status and the start of the answer to GET *path*; None where nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return None, str(error)
    finally:
        connection.close()
