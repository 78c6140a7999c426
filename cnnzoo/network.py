"""A quick test whether a host answers; libraries that download try for minutes."""

from __future__ import annotations

import ssl
import threading
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

PROBE_SECONDS = 4


def answers(url: str) -> bool:
    """Return whether the server of a URL, or the proxy to it, answers within PROBE_SECONDS."""
    answered = []

    def ask() -> None:
        try:
            with urlopen(Request(url, method="HEAD"), timeout=PROBE_SECONDS):
                answered.append(True)
        except HTTPError:
            answered.append(True)  # the server refuses the request, but it answers
        except URLError as error:  # the library that downloads checks certificates
            answered.append(isinstance(error.reason, ssl.SSLError))
        except OSError:
            answered.append(False)

    asking = threading.Thread(target=ask, daemon=True)  # a name look-up has no time limit
    asking.start()
    asking.join(PROBE_SECONDS)
    return any(answered)
