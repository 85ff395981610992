"""Both apps can ask for the settings before anybody has signed in; secrets are not among them."""

from flask.testing import FlaskClient


def test_settings_are_public_and_hold_no_secret(client: FlaskClient) -> None:
    answer = client.get("/api/v1/settings")
    assert answer.status_code == 200
    assert answer.json == {
        "mode": "testing",
        "demo": False,
        "tile_url": "",
        "tile_datum": "wgs84",
        "tile_attribution": "",
    }
