"""One collector per gateway, guaranteed by PostgreSQL: whoever holds the gateway's advisory lock polls it."""

import psycopg
from django.db import connection

# A killed process closes its connection; a computer that loses its power does not. The server looks after 3 s.
_NOTICE_A_DEAD_HOST = "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3"


class GatewayLock:
    """A session lock on a connection of its own, so that nothing else can close it. Use it from one thread."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self._connection: psycopg.Connection[tuple[bool]] | None = None

    def acquire(self) -> bool:
        """True if we hold it, or get it now. Raises `psycopg.OperationalError` when the database is away."""
        try:
            if self._connection is None:
                self._connection = self._connect()
                if not self._try_lock(self._connection):
                    self.release()
                    return False
            else:
                self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self.release()
            raise
        return True

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try_lock(self, session: psycopg.Connection[tuple[bool]]) -> bool:
        row = session.execute(
            "SELECT pg_try_advisory_lock(hashtext('gateway'), hashtext(%s))", [self.gateway]
        ).fetchone()
        return bool(row and row[0])

    def _connect(self) -> psycopg.Connection[tuple[bool]]:
        parameters = connection.get_connection_params()
        for name in ("cursor_factory", "context", "prepare_threshold", "server_side_binding"):
            parameters.pop(name, None)
        session = psycopg.connect(**parameters, autocommit=True)
        session.execute(_NOTICE_A_DEAD_HOST)
        return session
