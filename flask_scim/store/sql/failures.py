"""What a database refused, in the words of SCIM."""

from __future__ import annotations

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from ...protocol.errors import InvalidValue, ServiceUnavailable, UniquenessError
from ...provisioning.ports import Deadlock

_UNIQUE_VIOLATIONS = {"23505", "1062", "2067", "1555"}
# What PyMySQL does not take for the errors in the data that they are.
_DATA_ERRORS = {"1264", "1265", "1292", "1366", "1406", "4025"}
_DEADLOCKS = {"40P01", "40001", "1213", "1020"}
# Statements that SQLite and MariaDB cannot run: to repeat them helps nobody.
_MISTAKES = {"1", "1054"}


class translated:  # noqa: N801  # it reads as what it does, like those of contextlib
    """Raises what the database refuses inside as SCIM errors.

    :param name: the name of the resource type.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise what was refused, if anything was."""
        if isinstance(error, SQLAlchemyError):
            raise translate(error, self._name) from error


def translate(error: SQLAlchemyError, name: str) -> Exception:
    """Translate an error of the database.

    :param error: what SQLAlchemy raised.
    :param name: the name of the resource type.
    :return: a SCIM error where the request or the moment is to blame, else the error itself.
    """
    match error:
        case IntegrityError() if _codes(error) & _UNIQUE_VIOLATIONS:
            return UniquenessError(f"A value of this {name} is taken by another one.")
        case IntegrityError() | DataError():
            return _unstorable(name)
        case OperationalError() if _codes(error) & _DATA_ERRORS:
            return _unstorable(name)
        case OperationalError() if _codes(error) & _DEADLOCKS:
            return Deadlock("Another request changed the same at once; try again.")
        case OperationalError() if not _codes(error) & _MISTAKES:
            return ServiceUnavailable("The service is busy; nothing was changed. Try again.")
        case _:
            return error


def _unstorable(name: str) -> InvalidValue:
    return InvalidValue(f"This application cannot store a value of this {name}.")


def _codes(error: DBAPIError) -> set[str]:
    """What the driver calls the error: SQLSTATE, MySQL's number or SQLite's own."""
    origin = error.orig
    # PyMySQL gives MySQL's number and, of late, an SQLSTATE that says less.
    found = [getattr(origin, name, None) for name in ("sqlstate", "sqlite_errorcode")]
    return {str(code) for code in (*found, *getattr(origin, "args", ())[:1])}
