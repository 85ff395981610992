"""What a phone loads before the field app shows anything: its page and all that the page imports."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass
from urllib.parse import urljoin

# Static imports and re-exports of a built module; import(…) comes later and is not counted.
_IMPORTS = re.compile(r"""(?:\bfrom|\bimport)\s*["'](\.{1,2}/[^"']+|/[^"']+)["']""")
_LINKED = re.compile(r"""<(?:script|link)\b[^>]*?\b(?:src|href)="([^"]+)"[^>]*>""")


@dataclass(frozen=True, slots=True)
class FirstLoad:
    """Bytes as they go over the wire, gzipped where the front gzips."""

    javascript: int
    everything: int
    files: int


def first_load(base_url: str) -> FirstLoad:
    """Load the field app's page as a browser does and add up what comes."""
    page_url = f"{base_url}/field/"
    page, size = _load(page_url)
    sizes = {page_url: size}
    waiting = [urljoin(page_url, path) for path in _LINKED.findall(page)]
    while waiting:
        url = waiting.pop()
        if url in sizes:
            continue
        text, sizes[url] = _load(url)
        if url.endswith(".js"):
            waiting += [urljoin(url, path) for path in _IMPORTS.findall(text)]
    scripts = sum(size for url, size in sizes.items() if url.endswith(".js"))
    return FirstLoad(scripts, sum(sizes.values()), len(sizes))


def _load(url: str) -> tuple[str, int]:
    """The file as text (empty where it is none) and how many bytes were sent for it."""
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - the address is ours
        text = answer.read().decode("utf-8", "replace")
    zipped = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})  # noqa: S310
    with urllib.request.urlopen(zipped, timeout=20) as answer:  # noqa: S310
        return text, len(answer.read())
