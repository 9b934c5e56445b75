"""What C text takes from libcurl, and since which version libcurl has it by its own pages.

Newer things may stand between `#if LIBCURL_VERSION_NUM >= 0xXXYYZZ` and its #else or #endif;
no other test of the version is understood. A name that the pages do not know is refused as well,
so a type must be in TYPES, which are all as old as libcurl 7.62.
"""

import gzip
import re
from pathlib import Path

from layers import joined_lines, strip

TYPES = set(
    """CURL CURLM CURLMcode CURLMsg CURLU CURLcode CURLoption curl_off_t curl_slist""".split()
)
NAME = re.compile(r"\b(?:(?:LIB)?CURL\w*|curl_\w+)")
VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")
GUARD = re.compile(r"\s*#\s*(?:el)?if LIBCURL_VERSION_NUM >= 0x([0-9a-f]{6})\s*")
DIRECTIVE = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif|include)\b")
ALWAYS = (7, 1, 0)


def version(text):
    numbers = [int(number) for number in text.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


class Pages:
    """The section 3 of libcurl's documentation, in a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        symbols = self._read("libcurl-symbols")
        if symbols is None:
            raise FileNotFoundError(
                f"{folder}: no libcurl-symbols.3: the package libcurl4-doc has it"
            )
        found = re.findall(r"^\.IP \"?(\w+)\"?\n(?:Introduced|Added) in (\S+)", symbols, re.M)
        self.symbols = {name: version(VERSION.match(since)[0]) for name, since in found}

    def _read(self, name):
        for path in self.folder / f"{name}.3.gz", self.folder / f"{name}.3":
            if path.exists():
                opened = gzip.open if path.suffix == ".gz" else open
                with opened(path, "rt", encoding="utf-8") as file:
                    return file.read()
        return None

    def since(self, name):
        """The first version with it; None where no page says."""
        if name in self.symbols:
            return self.symbols[name]
        page = self._read(name) if name.startswith("curl_") else None
        section = re.search(r"^\.SH \"?AVAILABILITY\"?\n(.*?)(?=^\.SH|\Z)", page or "", re.M | re.S)
        if section is None:
            return None
        if section[1].strip().rstrip(".") == "Always":
            return ALWAYS
        said = VERSION.search(section[1])
        return said and version(said[0])


def uses(text):
    """(line, name, version that #if makes sure of or None); name None: an #if that cannot
    be read."""
    sure = []  # one for each #if around
    for number, line in joined_lines(strip(text, strings=False)):
        directive = DIRECTIVE.match(line)
        word = directive and directive[1]
        if word == "include":
            continue
        if word in ("elif", "else", "endif"):
            sure.pop()
        if word in ("if", "ifdef", "ifndef", "elif", "else"):
            guard = GUARD.fullmatch(line)
            sure.append(guard and tuple(bytes.fromhex(guard[1])))
            if guard:
                continue
            if re.search(r"\bLIBCURL_VERSION|\bCURL_AT_LEAST", line):
                yield number, None, None
                continue
        best = max((seen for seen in sure if seen), default=None)
        for match in NAME.finditer(line):
            yield number, match[0], best


def findings(text, pages, floor):
    """A sentence for each use of what libcurl of version floor may not have."""
    for number, name, sure in uses(text):
        if name is None:
            yield f"{number}: write it as '#if LIBCURL_VERSION_NUM >= 0xXXYYZZ'"
            continue
        if name in TYPES:
            continue
        since = pages.since(name)
        if since is None:
            yield f"{number}: no page of libcurl says since when there is '{name}'"
        elif since > max(floor, sure or floor):
            yield f"{number}: '{name}' came with libcurl {'.'.join(map(str, since))}"
