"""The WSGI application, for a server (``granian --interface wsgi wsgi:app``) and for ``flask``."""

import gc

from app.wiring import create_app
from config import SettingsError

try:
    app = create_app()
except SettingsError as error:
    raise SystemExit(f"ironfeet: {error}") from None

# What is loaded now stays until the end. Taken out of the garbage collector's sight it is not looked
# through again and again; and requests make more objects than Python's threshold of 700 expects.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 10, 10)
