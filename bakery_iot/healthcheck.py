"""Asks the web process of this container whether it answers; exits with 1 when it does not.

Run as a file (`python bakery_iot/healthcheck.py`), with the standard library alone: it runs every few seconds.
"""

import os
import sys
import urllib.request


def main() -> int:
    url = f"http://127.0.0.1:{os.environ.get('UVICORN_PORT', '8000')}/health"
    # A proxy from the environment must not be asked for an address of this machine.
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with browser.open(url, timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
