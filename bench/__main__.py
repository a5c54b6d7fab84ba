"""`python -m bench`: the options are under --help. Ends what it has started, also on Ctrl-C."""

import os
import resource
import signal
import sys
from collections.abc import Sequence

import django
from django.utils.module_loading import import_string

from bakery_iot.loopback import StartError
from bakery_iot.run import interrupt
from bench.options import read_options
from bench.processes import ChildError
from bench.servers import bench_servers

OPEN_FILES = 20_000


def main(arguments: Sequence[str] | None = None) -> None:
    options = read_options(arguments)
    allow_many_open_files()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        with bench_servers(options.file.parent / "bench") as servers:
            # Models may not be imported before Django is set up, hence the name.
            os.environ.update(servers.environment)
            django.setup()
            import_string("bench.parts.measure_all")(options, servers)
    except (StartError, ChildError) as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(f"\nStopped. {options.file} holds the parts that were done, if any.")


def allow_many_open_files() -> None:
    """A thousand ovens have two sockets each, and a shell often allows 1,024. What we start inherits it."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now != resource.RLIM_INFINITY:
        wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, wanted), most))


if __name__ == "__main__":
    main()
