"""What both apps need to know of the installation before anybody has signed in."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core import current
from app.core.fields import Wire
from app.core.geo import DATUMS
from app.core.pipeline import PUBLIC, endpoint
from app.core.web import Blueprint
from config import MODES

blp = Blueprint("about", __name__, url_prefix="/api/v1", description="The installation")


class AboutShape(Wire):
    """The mode, and the optional background map. An empty ``tile_url`` means the bundled outline only."""

    mode = fields.String(required=True, validate=validate.OneOf(MODES))
    demo = fields.Boolean(required=True, metadata={"description": "demo accounts exist"})
    tile_url = fields.String(required=True, metadata={"description": "XYZ template"})
    tile_datum = fields.String(required=True, validate=validate.OneOf(DATUMS))
    tile_attribution = fields.String(required=True)


@blp.get("/settings")
@endpoint(PUBLIC)
@blp.response(200, AboutShape)
def read_settings() -> dict[str, object]:
    """The settings that both apps need."""
    settings = current.settings()
    return {
        "mode": settings.mode,
        "demo": settings.mode == "development",
        "tile_url": settings.tile_url,
        "tile_datum": settings.tile_datum,
        "tile_attribution": settings.tile_attribution,
    }
