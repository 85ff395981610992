"""nginx as the front: one port for pages, API and live stream. Writes its configuration and checks it.

The rules of what is served lie in ``deploy/nginx/`` and are the same in production; this module adds
what differs from machine to machine: folders, port, sockets.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent


class FrontError(RuntimeError):
    """The front cannot be started; the text is one sentence for the person."""


@dataclass(frozen=True, slots=True)
class Front:
    """Where the front listens and what lies behind it.

    Attributes:
        work: folder for its configuration and temporary files.
        hosts: addresses to listen on, IPv6 without brackets.
        pages: the built pages.
        web, live: unix sockets of the API and of the live stream.
        tile_url: XYZ template of the background map, or "".
    """

    work: Path
    hosts: tuple[str, ...]
    port: int
    web: Path
    live: Path
    log: Path
    pages: Path
    tile_url: str = ""

    def command(self) -> list[str]:
        """Write the configuration, let nginx check it, and return the command that runs it.

        Raises:
            FrontError: where nginx refuses the configuration.
        """
        program = find_nginx()
        if program is None:
            raise FrontError("nginx is not installed.")
        self.work.mkdir(parents=True, exist_ok=True)
        config = self.work / "nginx.conf"
        config.write_text(self.config(), encoding="utf-8")
        command = [program, "-p", str(self.work), "-c", str(config)]
        if _version(program) >= (1, 19, 5):
            command += ["-e", str(self.log)]
        tried = subprocess.run([*command, "-t", "-q"], check=False, capture_output=True, text=True)
        if tried.returncode != 0:
            raise FrontError(f"nginx refuses its configuration: {tried.stderr.strip().splitlines()[0]}")
        return command

    def config(self) -> str:
        """The text of ``nginx.conf``."""
        files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)
        listens = "\n".join(f"        listen {_bracketed(host)}:{self.port};" for host in self.hosts)
        temporary = "\n".join(
            f"    {kind}_temp_path {self.work}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.geteuid() == 0 else ""  # a checkout of root's may be closed to others
        return f"""# Written by scripts/front.py at each start; changes here are lost.
{user}
daemon off;
worker_processes auto;
worker_rlimit_nofile {files};
pid {self.work}/nginx.pid;
error_log {self.log} crit;  # below that it would quote addresses with their queries
events {{ worker_connections {min(files // 2, 8192)}; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    include {ROOT}/deploy/nginx/http.conf;
    access_log off;
{temporary}
    upstream ironfeet_web {{ server unix:{self.web}; keepalive 64; keepalive_timeout 30s; }}
    upstream ironfeet_live {{ server unix:{self.live}; }}
    server {{
{listens}
        root {self.pages};
        set $ironfeet_tiles "{tile_origin(self.tile_url)}";
        include {ROOT}/deploy/nginx/site.conf;
    }}
}}
"""


def find_nginx() -> str | None:
    """Path of nginx; Debian keeps it in a folder that ordinary users do not search."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _version(program: str) -> tuple[int, ...]:
    told = subprocess.run([program, "-v"], check=False, capture_output=True, text=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", told)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def tile_origin(tile_url: str) -> str:
    """Origin of an XYZ template for the content policy; a templated host label becomes a wildcard."""
    if not tile_url:
        return ""
    parts = urlsplit(re.sub(r"^//", "https://", tile_url))
    labels = parts.netloc.split(".")
    if "{" in labels[0]:
        labels[0] = "*"
    host = ".".join(labels)
    if parts.scheme not in {"http", "https"} or not re.fullmatch(r"[A-Za-z0-9.*:-]+", host):
        raise FrontError(f"TILE_URL is not a web address: {tile_url}")
    return f"{parts.scheme}://{host}"


def free_hosts(host: str, port: int) -> tuple[str, ...]:
    """The addresses to listen on; with the usual loopback also its IPv6 twin, where there is one.

    Raises:
        FrontError: where the port is taken or may not be used.
    """
    wanted = ("127.0.0.1", "::1") if host in {"127.0.0.1", "localhost"} else (host,)
    usable = []
    for address in wanted:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except PermissionError:
            raise FrontError(
                f"Port {port} is for root only; choose one from 1024: make run PORT=8000"
            ) from None
        except OverflowError:
            raise FrontError(f"PORT is {port}; it must lie between 1 and 65535.") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise FrontError(
                    f"Port {port} is used by another program; stop it or choose another: "
                    f"make run PORT={port + 1}"
                ) from None
            if address == "::1":
                continue  # no IPv6 on this machine
            raise FrontError(f"HOST {address} cannot be listened on: {error.strerror}.") from None
        usable.append(address)
    return tuple(usable)
