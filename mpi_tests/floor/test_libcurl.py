"""All that our C takes from libcurl is in the oldest one that CMakeLists.txt takes, or stands
behind an #if that asks for more."""

import os
import re
from pathlib import Path

import pytest
from symbols import Pages, findings, uses, version

TOP = Path(__file__).resolve().parents[2]
FLOOR = version(
    re.search(r"^find_package\(CURL ([\d.]+)", (TOP / "CMakeLists.txt").read_text(), re.M)[1]
)
OLD, NEW = "CURLOPT_URL", "CURLOPT_QUICK_EXIT"  # of 7.1 and 7.87


@pytest.fixture(name="pages", scope="module")
def _pages():
    """Never skipped: without the pages nothing here is held."""
    return Pages(os.environ["MPIFETCH_CURL_MAN"])


def sources():
    """All but the headers that stand in for libcurl's."""
    for top in "src", "include", "docs", "mpi_tests":
        for path in sorted((TOP / top).rglob("*.[ch]")):
            if path.parent.name != "curl":
                yield path


def test_the_floor_is_kept(pages):
    found = [
        f"{path.relative_to(TOP)}:{finding}"
        for path in sources()
        for finding in findings(path.read_text(encoding="utf-8"), pages, FLOOR)
    ]
    assert not found, "\n".join(found)


def test_something_is_looked_at():
    """What the program cannot do without was seen: an option, a code, a function."""
    names = {name for path in sources() for _, name, _ in uses(path.read_text(encoding="utf-8"))}
    assert {"CURLOPT_URL", "CURLE_OK", "curl_easy_setopt", "curl_multi_info_read"} <= names


@pytest.mark.parametrize(
    ("name", "since"),
    [
        # as the release notes of curl have them
        ("CURLOPT_URL", (7, 1, 0)),
        ("CURLU_ALLOW_SPACE", (7, 78, 0)),
        ("CURLOPT_PROTOCOLS_STR", (7, 85, 0)),
        ("CURLOPT_QUICK_EXIT", (7, 87, 0)),
        ("CURLE_PROXY", (7, 73, 0)),
        ("CURLPROTO_HTTPS", (7, 19, 4)),
        ("curl_multi_wakeup", (7, 68, 0)),
        ("curl_easy_header", (7, 83, 0)),
        ("curl_ws_send", (7, 86, 0)),
        ("CURLOPT_NO_SUCH", None),
        ("curl_no_such", None),
    ],
)
def test_the_pages_are_read(pages, name, since):
    assert pages.since(name) == since


def test_no_pages(tmp_path):
    with pytest.raises(FileNotFoundError, match="libcurl4-doc"):
        Pages(tmp_path)


AT = "#if LIBCURL_VERSION_NUM >= 0x"
REFUSED = {
    "an option": f"a({NEW});",
    "a flag": "a(CURLU_ALLOW_SPACE);",
    "a code": "a(CURLE_PROXY, CURLE_UNRECOVERABLE_POLL);",  # 7.84
    "a function": "a(curl_easy_header(b));",
    "a function that is not called": "f = curl_ws_send;",
    "a type": "struct curl_header *h;",
    "an unknown name": "a(CURLOPT_NO_SUCH);",
    "on a line that goes on": f"#define A \\\n {NEW}\n",
    "behind another line": f'x = "{OLD}";\n/* "*/ {NEW}',
    "asks for too little": f"{AT}074d00\na({NEW});\n#endif",
    "the other way": f"{AT}075700\na({OLD});\n#else\na({NEW});\n#endif",
    "behind the way round": f"{AT}075700\n#endif\na({NEW});",
    "behind one within": f"#ifdef A\n{AT}075700\n#endif\na({NEW});\n#endif",
    "another #if": f"#ifdef A\na({NEW});\n#endif",
    "in the condition": f"#ifdef {NEW}\n#endif",
    "in another form": f"#if LIBCURL_VERSION_NUM > 0x075700\na({OLD});\n#endif",
    "by the macro of 7.43": f"#if CURL_AT_LEAST_VERSION(7, 87, 0)\na({OLD});\n#endif",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refused(pages, text):
    assert len(list(findings(text, pages, (7, 76, 0)))) == 1


ALLOWED = {
    "old": "CURL *a; struct curl_slist *b; c(CURLE_OK, curl_easy_init, CURLM_OK);",
    "in a comment": f"/* {NEW} */",
    "in a string": 'getenv("CURL_CA_BUNDLE");',
    "our own": "a.curl = our_curl_thing; MPI_CURL; #include <curl/curl.h>",
    "behind an #if": f"{AT}075700\na({NEW});\n#endif",
    "behind two": f"{AT}075700\n#ifdef A\na({NEW});\n#endif\n#endif",
    "the second way": f"#ifdef A\n#elif LIBCURL_VERSION_NUM >= 0x075700\na({NEW});\n#endif",
    "gone since": "a(CURLOPT_PROTOCOLS, CURLPROTO_HTTP);",
}


@pytest.mark.parametrize("text", ALLOWED.values(), ids=ALLOWED)
def test_allowed(pages, text):
    assert not list(findings(text, pages, (7, 76, 0)))
