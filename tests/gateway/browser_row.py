"""One case of the browser tests: what a page does, and what it is told.

The topics are those of the web platform's own tests of CORS (wpt.live/cors, wpt.live/fetch/api).
A row's `call` is an expression over the functions of browser_page.html, and over
    api       the address that belongs to the row alone, below /api
    path      the same without the host; here: the page's own origin
    plain, star, credentials ...   the other gateways of test_browser.py
    insecure  the row's gateway over plain http
"""

import re
from dataclasses import dataclass
from typing import Any

REFUSED = "TypeError"  # what fetch says of everything that CORS forbids, and of a network failure
NOTHING: tuple[str, ...] = ()
STRANGER = "evil.test"  # a page that no gateway lists


@dataclass(frozen=True)
class Row:
    """One case.

    title       in words; makes the address of the row
    call        what the page does, as JavaScript
    told        what that comes to in the page
    preflights  how many the gateway answered
    reached     the methods that reached the service, in order
    page        the page's host; with a colon behind it, on the other port; `own`: the gateway's;
                with https:// before it, the gateway's on HTTPS
    late        the service must see that the caller left
    """

    title: str
    call: str
    told: Any
    preflights: int = 0
    reached: tuple[str, ...] = ("GET",)
    page: str = "app.test"
    gateway: str = "plain"
    late: bool = False

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    @property
    def path(self) -> str:
        return f"/api/{self.slug}/"
