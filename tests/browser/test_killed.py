"""A process that is killed between the commit and the end of access loses nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.browser.killable import User, create_app, db, scim
from tests.browser.served import ROOT, environment, patch, serve
from tests.client import ScimClient
from tests.waiting import PATIENCE

pytestmark = pytest.mark.once("processes die as they do with any version")


@pytest.fixture
def ann(vacant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Somebody whom SCIM has created: the id, and the token."""
    monkeypatch.setenv("EXAMPLE_DATABASE_URL", vacant)
    app = create_app()
    with app.app_context():
        db.create_all()
        scim.connections.add("acme")
        token, _ = scim.tokens.issue("acme")
    id = ScimClient(app.test_client(), "/scim/v2/acme", token).create("ann")["id"]
    with app.app_context():
        db.engine.dispose()
    return id, token


def test_killed(vacant: str, ann: tuple[str, str], tmp_path: Path) -> None:
    """A worker ends what the process that died has left, once, whatever was asked meanwhile."""
    id, token = ann
    (tmp_path / "die").touch()
    with serve(tmp_path, vacant, "tests.browser.killable:create_app()", workers=1) as origin:
        with pytest.raises(OSError, match=r"closed|reset"):
            patch(origin, "acme", token, id, False)
        assert not (tmp_path / "die").exists()
        # The change stands, though nobody has heard of it; to say it again is no harm.
        assert patch(origin, "acme", token, id, False) == 200
        assert not (tmp_path / "ended").exists()
        app = create_app()
        with app.app_context():
            user = db.session.get(User, int(id))
            standing = scim.allows_login(user)
            assert (standing.reason, standing.fully_out) == ("deactivated", False)
            db.session.remove()
        command = ("-m", "flask", "--app", "tests.browser.killable", "scim", "access", "work")
        with subprocess.Popen(
            [sys.executable, *command, "--every", "0.5"],
            cwd=ROOT,
            env=environment(tmp_path, vacant),
            stdout=subprocess.PIPE,
            text=True,
        ) as worker:
            assert worker.stdout is not None
            try:
                said = "".join(worker.stdout.readline() for _ in range(2))
            finally:
                worker.terminate()
                rest, _ = worker.communicate(timeout=PATIENCE)
    with app.app_context():
        assert app.extensions["scim"].access.revocation.work_off_due() == []
        db.session.remove()
    assert (tmp_path / "ended").read_text() == "ann 1\n"
    assert said + rest == f"{id}: ended api_keys 1\nNothing is open.\n"
    with app.app_context():
        report = scim.access_of(db.session.get(User, int(id)))
        assert report is not None
        assert report.complete
        assert [each.attempts for each in report.outcomes] == [2]
        kept = sa.select(sa.func.count()).select_from(db.metadata.tables["scim_own_revocation"])
        assert db.session.scalar(kept) == 1
        db.session.remove()
        db.engine.dispose()
