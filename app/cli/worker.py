"""``flask worker``: does what happens by the clock, until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
from typing import cast

import click
from flask import Flask, current_app


@click.command("worker")
def worker() -> None:
    """Run the worker: rounds, missed windows, forgotten shifts, held entries, seals, retention."""
    from app.worker import JOBS, Worker  # noqa: PLC0415 - its schedulers and channels are for this command only

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # The proxy stands for the application of this thread; the ticks run in others.
    app = cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined]
    Worker(app, JOBS).run()
