"""What the running installation was told, for those who work inside it without knowing the web."""

from __future__ import annotations

from typing import cast

from flask import current_app

from config import Settings


def settings() -> Settings:
    """The settings of the application that is running this code."""
    return cast(Settings, current_app.config["SETTINGS"])
