"""``flask scim forget``: one person out of the log and the outbox, after a question."""

from __future__ import annotations

from tests.cli.console import run, succeed
from tests.host import Host


def test_forget(host: Host) -> None:
    """It asks, and then says how much has been blanked."""
    scim = host.connect("acme", tenant="1")
    id = scim.create("ann")["id"]
    assert run(host, "forget", "--user", id, typed="n\n").exit_code == 1
    assert succeed(host, "forget", "--user", id, typed="y\n").endswith(
        "Blanked 2 rows of the log and the outbox.\n"
    )
    assert succeed(host, "forget", "--user", id, "--yes") == (
        "Blanked 0 rows of the log and the outbox.\n"
    )
    with host.app.app_context():
        acme = host.scim.connections.get("acme")
        assert acme is not None
        assert host.scim.outbox.read(acme)[-1].object is None


def test_refusal(host: Host) -> None:
    """A type that the app does not have is refused in words."""
    result = run(host, "forget", "--user", "1", "--type", "Robot", "--yes")
    assert result.exit_code == 1
    assert "no resource type 'Robot'" in result.stderr
