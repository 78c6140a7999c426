"""Whether a host answers, known within seconds: libraries that download would try for minutes."""

from __future__ import annotations

import ssl
import threading
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

PROBE_SECONDS = 4


def answers(url: str) -> bool:
    """Whether whoever serves a URL, or the proxy on the way to it, answers within PROBE_SECONDS."""
    answered = []

    def ask() -> None:
        try:
            with urlopen(Request(url, method="HEAD"), timeout=PROBE_SECONDS):
                answered.append(True)
        except HTTPError:
            answered.append(True)  # it does not like the question, but it is there
        except URLError as error:  # certificates are for the library that downloads to judge
            answered.append(isinstance(error.reason, ssl.SSLError))
        except OSError:
            answered.append(False)

    asking = threading.Thread(target=ask, daemon=True)  # looking up a name has no time limit
    asking.start()
    asking.join(PROBE_SECONDS)
    return any(answered)
