"""The WSGI application, for a server (``granian --interface wsgi wsgi:app``) and for ``flask``."""

from app.wiring import create_app
from config import SettingsError

try:
    app = create_app()
except SettingsError as error:
    raise SystemExit(f"ironfeet: {error}") from None
