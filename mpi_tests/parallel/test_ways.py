"""The way to a source: certificates and proxies, on all ranks alike."""

import ssl
import subprocess

import pytest
from conftest import MIB, noise, write_tree
from files import Files
from proxy import Proxy
from trees import assert_alone, assert_nothing, assert_same, assert_verifiable

NAMES = "subjectAltName=DNS:localhost,DNS:files.invalid"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_authority(folder, name):
    folder.mkdir()
    openssl(
        folder,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-days", "2", "-subj", f"/CN={name}", "-keyout", "ca.key", "-out", "ca.pem"),
    )
    return folder / "ca.pem"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """(bundle to trust, context of a server that it signed for, bundle of somebody else)"""
    base = tmp_path_factory.mktemp("tls")
    bundle = make_authority(base / "ours", "Loopback")
    stranger = make_authority(base / "other", "Stranger")
    folder = bundle.parent
    (folder / "names").write_text(NAMES)
    openssl(
        folder,
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr"),
    )
    openssl(
        folder,
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem"),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return bundle, context, stranger


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "web", {"large.bin": noise(5 * MIB + 3, 61)})


@pytest.fixture
def secure(tree, authority):
    with Files(tree, authority[1]) as serving:
        yield serving


def get(url, dest, *options):
    return ("get", "--segment-size", MIB, "--connections", 2, *options, url, dest)


def assert_published(result, dest, tree):
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert_alone(dest)


@pytest.mark.parametrize("how", ["--cacert", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_https(run, secure, tree, authority, dest, how):
    options = ("--cacert", authority[0]) if how == "--cacert" else ()
    more = {} if how == "--cacert" else {how: str(authority[0])}
    result = run(2, *get(f"{secure.url}/large.bin", dest, *options), env=more)
    assert_published(result, dest, tree)
    assert len(secure.log()) >= 7


def test_certificate_of_a_stranger(run, secure, authority, dest):
    words = get(f"{secure.url}/large.bin", dest, "--cacert", authority[2])
    result = run(2, *words)
    assert result.code == 6, result
    assert "the server's certificate is not trusted" in result.err
    assert result.err.count("mpifetch: ") == 1, result  # no retry heals that, and none is made
    assert secure.log() == []
    assert_nothing(dest)


def test_certificate_of_another_name(run, secure, authority, dest):
    url = secure.url.replace("localhost", "127.0.0.1")
    result = run(2, *get(f"{url}/large.bin", dest, "--cacert", authority[0]))
    assert result.code == 6, result
    assert "the server's certificate is not trusted" in result.err
    assert secure.log() == []
    assert_nothing(dest)


@pytest.mark.parametrize("how", ["--proxy", "http_proxy", "all_proxy"])
def test_proxy(run, tree, dest, how):
    """No resolver knows the name, so whatever arrives has come through the proxy."""
    with Files(tree) as web, Proxy(web.url) as proxy:
        options = ("--proxy", proxy.url) if how == "--proxy" else ()
        more = {} if how == "--proxy" else {how: proxy.url}
        result = run(2, *get("http://files.invalid/large.bin", dest, *options), env=more)
        assert_published(result, dest, tree)
        assert set(proxy.seen) == {"GET http://files.invalid/large.bin"}
        assert len(proxy.seen) >= 7


def test_https_through_a_proxy(run, tree, secure, authority, dest):
    """A tunnel for each connection; the certificate is that of the server behind it."""
    with Proxy(secure.url) as proxy:
        words = get("https://files.invalid/large.bin", dest, "--cacert", authority[0])
        result = run(2, *words, env={"https_proxy": proxy.url})
        assert_published(result, dest, tree)
        assert set(proxy.seen) == {"CONNECT files.invalid:443"}
    assert len(secure.log()) >= 7


def test_hosts_without_proxy(run, tree, dest):
    with Files(tree) as web, Proxy(web.url) as proxy:
        more = {"http_proxy": proxy.url, "no_proxy": "example.invalid,127.0.0.1"}
        assert_published(run(2, *get(f"{web.url}/large.bin", dest), env=more), dest, tree)
        assert proxy.seen == []
