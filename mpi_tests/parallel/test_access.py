"""Who one is to a source, and by which way one gets there: with curl's names and meaning. What is
secret goes to the host that it is for, and nowhere else."""

import base64
import os
import pty
import ssl

import pytest
from conftest import MIB, noise, write_tree
from files import Answer, Files
from job import PROGRAM
from test_ways import authority, openssl  # noqa: F401
from trees import assert_nothing, assert_same

LOGIN = "some:pass#wörd"
SECRETS = ("pass#w", base64.b64encode(LOGIN.encode()).decode())


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "web", {"large.bin": noise(3 * MIB + 3, 61)})


class Guarded(Answer):
    """Only with the login; all that is below /away is elsewhere."""

    def answer(self):
        owner = self.server.owner
        wanted = "Basic " + base64.b64encode(LOGIN.encode()).decode()
        if self.headers.get_all("Authorization") != [wanted]:
            return self.send(401, {"WWW-Authenticate": "Basic"})
        if owner.away:
            return self.send(302, {"Location": owner.away + self.route})
        super().answer()


@pytest.fixture
def guarded(tree):
    with Files(tree) as serving:
        serving.away = None
        serving._server.RequestHandlerClass = Guarded
        yield serving


def get(url, dest, *options):
    return ("get", "--segment-size", MIB, "--connections", 1, "-v", "-v", *options, url, dest)


def assert_published(result, dest, tree, secrets=SECRETS):
    assert result.code == 0, result
    assert_same(dest, tree)
    said = result.out + result.err + result.job.report.read_text()
    said += "".join(
        path.read_text(errors="replace")
        for path in dest.parent.rglob("*")
        if path.is_file() and path.name != "large.bin"
    )
    assert not any(secret in said for secret in secrets)


@pytest.fixture
def netrc(tmp_path):
    """netrc(host) -> a file with the login for it."""

    def make(host, name="netrc"):
        path = tmp_path / name
        login, password = LOGIN.split(":")
        path.write_text(f"machine {host} login {login} password {password}\n")
        path.chmod(0o600)
        return path

    return make


@pytest.mark.parametrize("how", ["option", "variable", "header"])
def test_user(run, guarded, tree, dest, how):
    """Rank 0 tells it to all."""
    options = {"option": ("--user", LOGIN), "header": ("--header", "X-One: 1")}.get(how, ())
    more = {"MPIFETCH_USER": LOGIN} if how != "option" else {}
    result = run(3, *get(f"{guarded.url}/large.bin", dest, *options), env=more)
    assert_published(result, dest, tree)
    assert all(row["had_auth"] for row in guarded.log())


def test_a_header_counts_more_than_user(run, guarded, tree, dest):
    """One of them is sent, as by curl."""
    line = "authorization: Basic " + base64.b64encode(LOGIN.encode()).decode()
    words = ("--header", line, "--user", "other:one")
    assert_published(run(1, *get(f"{guarded.url}/large.bin", dest, *words)), dest, tree)


def test_user_of_rank_0_alone(start, guarded, tree, dest):
    each = [{"MPIFETCH_USER": LOGIN}, {}, {}]
    result = start(3, *get(f"{guarded.url}/large.bin", dest), each=each).wait()
    assert_published(result, dest, tree)


def test_without_a_login(run, guarded, dest):
    result = run(2, *get(f"{guarded.url}/large.bin", dest))
    assert (result.code, result.report["reason"]) == (3, "unauthorized"), result
    assert_nothing(dest)


def test_what_is_said_is_instead_of_a_token(run, hub, dest, tmp_path):
    """The Hub of the tests knows no such thing: it refuses what is no token."""
    tree = write_tree(tmp_path / "hub", {"a": b"1"})
    hub.add("acme/demo", tree, private=True, granted={"hf_good"})
    hub.set(tokens={"hf_good"})
    words = ("get", "hf://acme/demo", dest)
    result = run(1, *words, "--user", "a:b", env={**hub.env, "HF_TOKEN": "hf_good"})
    assert result.code == 3 and hub.log(), result
    assert all(row["had_auth"] for row in hub.log())
    # nor is a token sent beside a header that is one
    given = ("--header", "Authorization: Bearer hf_good")
    result = run(1, *words, *given, env={**hub.env, "HF_TOKEN": "hf_bad"})
    assert result.code == 0, result


@pytest.mark.parametrize("how", ["--user", "--netrc-file", "--netrc"])
def test_no_login_for_another_host(run, guarded, tree, dest, netrc, how):
    """A redirect to a host that is not meant: it gets no login, as with curl."""
    with Files(tree) as other:
        guarded.away = other.url.replace("127.0.0.1", "localhost")
        file = netrc("127.0.0.1", ".netrc")
        options = {"--user": (how, LOGIN), "--netrc-file": (how, file), "--netrc": (how,)}[how]
        words = get(f"{guarded.url}/large.bin", dest, *options)
        assert_published(run(2, *words, env={"HOME": str(file.parent)}), dest, tree)
        assert guarded.log() and all(row["had_auth"] for row in guarded.log())
        assert other.log() and not any(row["had_auth"] for row in other.log())


def test_netrc_is_for_each_host_that_it_names(run, guarded, tree, dest, netrc):
    """Also for one that only a redirect leads to."""
    with Files(tree) as first:
        first._server.RequestHandlerClass = type(
            "Away",
            (Answer,),
            {
                "answer": lambda self: self.send(
                    302, {"Location": guarded.url.replace("127.0.0.1", "localhost") + self.route}
                )
            },
        )
        words = get(f"{first.url}/large.bin", dest, "--netrc-file", netrc("localhost"))
        assert_published(run(2, *words), dest, tree)
        assert not any(row["had_auth"] for row in first.log())


def test_files_that_are_not_there(run, guarded, dest, tmp_path):
    for name in ("--netrc-file", "--cert", "--key"):
        result = run(2, *get(f"{guarded.url}/large.bin", dest, name, tmp_path / "none"))
        assert result.code == 2, result
        assert f"{name} '{tmp_path}/none': No such file" in result.err
    assert guarded.log() == []


@pytest.fixture
def client(authority, tmp_path):  # noqa: F811
    """(certificate, key) that the authority of the tests has signed."""
    folder = authority[0].parent
    openssl(
        tmp_path,
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-subj", "/CN=client", "-keyout", "client.key", "-out", "client.csr"),
    )
    openssl(
        tmp_path,
        *("x509", "-req", "-in", "client.csr", "-CA", folder / "ca.pem", "-CAkey"),
        *(folder / "ca.key", "-CAcreateserial", "-days", "2", "-out", "client.pem"),
    )
    return tmp_path / "client.pem", tmp_path / "client.key"


def asking(authority, must):  # noqa: F811
    """A server's context that wants to see a client's certificate."""
    folder = authority[0].parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.load_verify_locations(authority[0])
    context.verify_mode = ssl.CERT_REQUIRED if must else ssl.CERT_OPTIONAL
    return context


class Noting(Answer):
    def answer(self):
        owner = self.server.owner
        owner.shown.append(bool(self.connection.getpeercert()))
        if owner.away:
            return self.send(302, {"Location": owner.away + self.route})
        super().answer()


@pytest.mark.parametrize("one_file", [False, True])
def test_client_certificate(run, tree, dest, authority, client, one_file):  # noqa: F811
    cert, key = client
    if one_file:
        cert.write_bytes(cert.read_bytes() + key.read_bytes())
    with Files(tree, asking(authority, True)) as web:
        words = get(f"{web.url}/large.bin", dest, "--cacert", authority[0])
        assert run(1, *words, "--retries", 0).code == 6
        more = ("--cert", cert) if one_file else ("--cert", cert, "--key", key)
        assert_published(run(3, *words, *more), dest, tree)


def test_client_certificate_is_for_the_source(run, tree, dest, authority, client):  # noqa: F811
    cert, key = client
    with (
        Files(tree, asking(authority, True)) as web,
        Files(tree, asking(authority, False)) as other,
    ):
        for server in (web, other):
            server.away, server.shown = None, []
            server._server.RequestHandlerClass = Noting
        web.away = other.url
        words = get(f"{web.url}/large.bin", dest, "--cacert", authority[0])
        assert_published(run(2, *words, "--cert", cert, "--key", key), dest, tree)
        assert web.shown and all(web.shown)
        assert other.shown and not any(other.shown)


def test_a_certificate_that_is_none(run, tree, dest, authority, tmp_path):  # noqa: F811
    (tmp_path / "junk").write_text("junk\n")
    with Files(tree, authority[1]) as web:
        words = get(f"{web.url}/large.bin", dest, "--cacert", authority[0])
        result = run(2, *words, "--cert", tmp_path / "junk")
        assert result.code == 2, result
        assert "certificate" in result.err and web.log() == []


def test_a_key_with_a_passphrase(tree, dest, authority, client, tmp_path):  # noqa: F811
    """Nobody is asked for it, though there is a terminal: a job would wait for ever."""
    cert, key = client
    openssl(
        tmp_path,
        *("ec", "-in", key, "-aes256", "-passout", "pass:secret", "-out", "locked.key"),
    )
    with Files(tree, authority[1]) as web:
        words = get(f"{web.url}/large.bin", dest, "--cacert", authority[0], "--cert", cert)
        said, code = on_a_terminal(PROGRAM, *words, "--key", tmp_path / "locked.key")
        assert code == 2 and "locked.key" in said and "pass phrase" not in said, said
        assert web.log() == []


def on_a_terminal(*words):
    """Until it ends, or asks something."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(words[0], [*map(str, words)])
    said = b""
    try:
        while b"pass phrase" not in said:
            said += os.read(terminal, 4096)
    except OSError:  # the other end is closed
        pass
    os.close(terminal)  # which is a SIGHUP for who still waits
    return said.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_resolve(run, tree, dest):
    """No resolver knows the name."""
    with Files(tree) as web:
        port = web.url.rpartition(":")[2]
        words = get(f"http://files.invalid:{port}/large.bin", dest)
        result = run(3, *words, "--resolve", f"files.invalid:{port}:127.0.0.1")
        assert_published(result, dest, tree)


def test_interface(start, tree, dest):
    """Each rank may have its own."""
    with Files(tree) as web:
        each = [{"MPIFETCH_INTERFACE": f"127.0.0.{10 + rank}"} for rank in range(3)]
        result = start(3, *get(f"{web.url}/large.bin", dest), each=each).wait()
        assert_published(result, dest, tree)
        clients = {row["client"] for row in web.log()}
        assert "127.0.0.10" in clients and clients <= {f"127.0.0.{10 + n}" for n in range(3)}


def test_no_such_interface(run, tree, dest):
    with Files(tree) as web:
        result = run(2, *get(f"{web.url}/large.bin", dest, "--interface", "none0"))
        assert result.code == 2 and "none0" in result.err, result
        assert web.log() == [] and not os.path.exists(dest)
