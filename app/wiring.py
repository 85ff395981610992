"""Puts the application together: settings, extensions, blueprints, commands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Flask

from app.cases import models as _cases_models  # noqa: F401 - tables must be known to migrations
from app.cases import reference_models as _reference_models  # noqa: F401
from app.cases.policy.routes import blp as policies_blp
from app.cases.reference_routes import blp as reference_blp
from app.cases.routes import blp as cases_blp
from app.cli.catalogue import catalogue as catalogue_commands
from app.cli.demo import demo as demo_commands
from app.cli.demo_play import play_command
from app.cli.ledger import ledger_cli
from app.cli.notify import notify as notify_commands
from app.cli.places import places as places_commands
from app.cli.policy import policy as policy_commands
from app.cli.responsibility import responsibility as responsibility_commands
from app.cli.staff import staff as staff_commands
from app.cli.timers import calendar_cli, timers_cli
from app.cli.worker import worker as worker_command
from app.core import models as _core_models  # noqa: F401
from app.core import problems
from app.core.about import blp as about_blueprint
from app.core.database_errors import keep_values_out
from app.core.extensions import db, jwt, migrate
from app.core.health import blp as health_blueprint
from app.core.keys import derive_key
from app.core.pipeline import PUBLIC, endpoint, set_principal_loader
from app.core.web import MAX_BODY_BYTES, api, problem_response, register_errors
from app.evidence import models as _evidence_models  # noqa: F401
from app.insights.case_routes import blp as case_board_blp
from app.insights.routes import blp as insights_blp
from app.ledger import models as _ledger_models  # noqa: F401
from app.live import contract as live_contract
from app.media import models as _media_models  # noqa: F401
from app.media.routes import blp as media_blp
from app.notify import models as _notify_models  # noqa: F401
from app.notify.routes import blp as notify_blp
from app.patrols import models as _patrols_models  # noqa: F401
from app.patrols.routes import blp as patrols_blp
from app.people import models as _people_models  # noqa: F401
from app.people.principal import load_principal
from app.people.routes import blp as people_blp
from app.places import models as _places_models  # noqa: F401
from app.places.routes import blp as places_blp
from app.sync import models as _sync_models  # noqa: F401
from app.sync.routes import blp as sync_blp
from app.timers import models as _timers_models  # noqa: F401
from config import Settings, read_settings

ACCESS_TOKEN_MINUTES = 15
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application.

    Args:
        settings: read from the environment where not given.

    Raises:
        SettingsError: where a setting is missing or unsafe.
    """
    settings = settings or read_settings()
    app = Flask("ironfeet", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would repeat whatever host the caller named
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": settings.pool_size,
            "max_overflow": 4,
            "pool_timeout": 5,
            "pool_pre_ping": False,
            "hide_parameters": True,  # values are positions and names; no log may quote them
        },
        JWT_SECRET_KEY=derive_key(settings.secret_key, "access-token"),
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=ACCESS_TOKEN_MINUTES),
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ALGORITHM="HS256",
        API_TITLE="Ironfeet",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    db.init_app(app)
    with app.app_context():
        keep_values_out(db.engine)
    migrate.init_app(app, db, directory=str(MIGRATIONS))
    jwt.init_app(app)
    api.init_app(app)
    contract = "api-docs.openapi_json"  # the one route that is not ours to decorate
    app.view_functions[contract] = endpoint(PUBLIC)(app.view_functions[contract])
    register_errors(app)
    set_principal_loader(load_principal)
    _register_blueprints()
    _register_commands(app)
    _register_token_errors()
    return app


def _register_blueprints() -> None:
    """Open the doors of all packages, in the order in which the contract names them."""
    api.register_blueprint(health_blueprint)
    api.register_blueprint(about_blueprint)
    api.register_blueprint(people_blp)
    api.register_blueprint(places_blp)
    api.register_blueprint(media_blp)
    api.register_blueprint(notify_blp)
    api.register_blueprint(patrols_blp)
    api.register_blueprint(policies_blp)
    api.register_blueprint(reference_blp)
    api.register_blueprint(insights_blp)
    api.register_blueprint(cases_blp)
    api.register_blueprint(case_board_blp)
    live_contract.describe(api.spec)
    api.register_blueprint(sync_blp)


def _register_commands(app: Flask) -> None:
    """Everything that ``flask`` can be told to do."""
    demo_commands.add_command(play_command)
    for command in (
        places_commands,
        notify_commands,
        catalogue_commands,
        policy_commands,
        responsibility_commands,
        ledger_cli,
        calendar_cli,
        timers_cli,
        demo_commands,
        worker_command,
        staff_commands,
    ):
        app.cli.add_command(command)


def _register_token_errors() -> None:
    """Answer bad access tokens with problems of their own."""

    @jwt.unauthorized_loader
    def missing(_reason: str) -> object:
        return problem_response(problems.Problem(problems.NOT_SIGNED_IN))

    @jwt.invalid_token_loader
    def invalid(_reason: str) -> object:
        return problem_response(problems.Problem(problems.NOT_SIGNED_IN, "The access token is not valid."))

    @jwt.expired_token_loader
    def expired(_header: object, _payload: object) -> object:
        return problem_response(problems.Problem(problems.TOKEN_EXPIRED))
