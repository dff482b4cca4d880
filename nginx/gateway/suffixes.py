"""Public suffixes: names under which anybody can have a subdomain (co.uk, github.io).

Source: Mozilla's Public Suffix List, publicsuffix.org, in the package publicsuffixlist.
"""

from functools import cache, cached_property

from publicsuffixlist import PublicSuffixList

# Content networks, stores, tunnels and hosts whose customers' names the list lacks -> how many
# names below it a customer's own one begins: 2 for bucket.oss-cn-hangzhou.aliyuncs.com.
_SHARED = {
    "a.pinggy.link": 1,
    "aliyuncs.com": 2,
    "atlassian.net": 1,
    "azurecontainerapps.io": 3,
    "b-cdn.net": 1,
    "backblazeb2.com": 3,
    "bcebos.com": 2,
    "cloudapp.azure.com": 2,
    "clouddn.com": 1,
    "codesandbox.io": 1,
    "colab.googleusercontent.com": 1,
    "coze.site": 1,
    "cpolar.cn": 1,
    "devtunnels.ms": 2,
    "fcapp.run": 2,
    "gitee.io": 1,
    "github.dev": 2,
    "gitpod.io": 2,
    "glitch.me": 1,
    "googleusercontent.com": 1,
    "gradio.live": 1,
    "koyeb.app": 1,
    "kxcdn.com": 1,
    "lhr.life": 1,
    "loca.lt": 1,
    "localtunnel.me": 1,
    "modal.run": 1,
    "myhuaweicloud.com": 3,
    "myqcloud.com": 3,
    "nip.io": 1,
    "proxy.runpod.net": 1,
    "qiniudn.com": 1,
    "r2.cloudflarestorage.com": 1,
    "serveo.net": 1,
    "sharepoint.com": 1,
    "sourceforge.io": 1,
    "squarespace.com": 1,
    "sslip.io": 1,
    "stackblitz.io": 1,
    "storage.googleapis.com": 1,
    "tcloudbaseapp.com": 1,
    "tumblr.com": 1,
    "wasabisys.com": 3,
    "webcontainer.io": 1,
    "weebly.com": 1,
    "wordpress.com": 1,
    "wpengine.com": 1,
    "xip.io": 1,
    "zendesk.com": 1,
    "zrok.io": 2,
}


class _Suffixes(PublicSuffixList):
    @cached_property
    def below(self) -> dict[str, str]:
        """Each name above a public suffix -> the one of fewest letters below it."""
        rules = (rule.removeprefix("!").removeprefix("*.") for rule in self._publicsuffix)
        found: dict[str, str] = {}
        for suffix in sorted(rules, key=lambda rule: (len(rule), rule)):
            above = suffix.partition(".")[2]
            while above:
                found.setdefault(above, suffix)
                above = above.partition(".")[2]
        return found


@cache
def _known() -> _Suffixes:
    return _Suffixes()


def is_public_suffix(host: str) -> bool:
    """Whether strangers can register names directly under this host; unknown top levels count.

    host  lower-case ASCII
    """
    return host != "localhost" and _known().publicsuffix(host) == host


def strangers(host: str) -> str:
    """Why `*.host` takes in strangers, in words; empty when it does not.

    `*.` stands for any depth, so a public suffix below the host counts as well.
    host  lower-case ASCII
    """
    if is_public_suffix(host):
        kind = "public suffix" if "." in host else "top-level domain"
        return f"anybody can have a name under .{host}: it is a {kind}"
    if suffix := _known().below.get(host):
        return f"anybody can have a name under .{suffix}, which it covers"
    for shared, depth in _SHARED.items():
        if f".{shared}".endswith(f".{host}") and shared != host:
            return f"anybody can have a name under .{shared}, which it covers"
        if f".{host}".endswith(f".{shared}") and host.count(".") - shared.count(".") < depth:
            return f"anybody can have a name under .{host}: {shared} gives them to its customers"
    return ""
