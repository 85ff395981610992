"""Tools of the house that need nothing but Python itself: the start, the set-up, the private database."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said before anything else fails on it
    raise SystemExit(
        f"ironfeet: Python 3.11 or newer is needed, this is {sys.version_info[0]}.{sys.version_info[1]}; "
        "name another one: make PYTHON=/path/to/python3 …"
    )
