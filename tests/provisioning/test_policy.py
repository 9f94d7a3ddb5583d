"""Choices: what they can be, and whose go before whose."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim import ConfigurationError, Policy, UnknownMembers
from flask_scim.provisioning.policy import check_choices, read_policy


def test_a_connection_goes_before_the_app() -> None:
    """What a connection has chosen holds; what it has not is the app's."""
    app = read_policy({"SCIM_UNKNOWN_MEMBERS": "ignore", "SCIM_DOCS": True})
    assert app == Policy(unknown_members=UnknownMembers.IGNORE)
    assert app.over({}) == app
    assert app.over({"unknown_members": "refuse"}) == Policy()


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"unknown_members": "drop"}, "unknown_members must be 'refuse' or 'ignore', not 'drop'."),
        ({"unknown_members": ["ignore"]}, "unknown_members must be"),
        ({"unknown_members": True}, "unknown_members must be"),
        ({"nonsense": "x"}, "There is no choice 'nonsense'; there are "),
    ],
)
def test_mistakes(choices: dict[str, Any], said: str) -> None:
    """A choice that there is not, or a value that it cannot have, is named with its repair."""
    with pytest.raises(ValueError, match=said.split(maxsplit=1)[0]) as caught:
        check_choices(choices)
    assert said in str(caught.value)


def test_all_mistakes_at_once() -> None:
    """Every mistake is named, not only the first."""
    with pytest.raises(ValueError, match="unknown_members") as caught:
        check_choices({"unknown_members": "x", "nonsense": "x"})
    assert "nonsense" in str(caught.value)


def test_settings_are_called_by_their_keys() -> None:
    """What cannot be used among the settings of an app is named as it is written there."""
    with pytest.raises(ConfigurationError, match="SCIM_UNKNOWN_MEMBERS"):
        read_policy({"SCIM_UNKNOWN_MEMBERS": "drop"})
