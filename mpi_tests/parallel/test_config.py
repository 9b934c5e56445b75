"""mpifetch.conf of the site and of the user: read once, by rank 0, for all."""

import os

import pytest
from conftest import MIB, noise
from trees import assert_same

SOURCE = "hf://acme/demo"
FILES = {"config.json": b"{}\n", "weights.bin": noise(9 * MIB, 1)}


@pytest.fixture
def site(tmp_path):
    """site(text, mode) -> the environment in which that is the file of the site."""

    def make(text, mode=0o644):
        folder = tmp_path / "etc"
        folder.mkdir(exist_ok=True)
        (folder / "mpifetch.conf").write_text(text)
        (folder / "mpifetch.conf").chmod(mode)
        return {"XDG_CONFIG_DIRS": f"/none:{folder}"}

    return make


def test_all_ranks_go_by_what_rank_0_reads(start, hub, tree, dest, site, tmp_path):
    """Of the others one has no such file, and one a file with nonsense. Each says what it does."""
    good = site(f"endpoint = {hub.endpoint}\nverbose = 2\nsegment-size = 1M\nconnections = 1\n")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "mpifetch.conf").write_text("nonsense\n")
    each = [good, {}, {"XDG_CONFIG_DIRS": str(tmp_path / "bad")}]
    result = start(3, "get", SOURCE, dest, each=each).wait()
    assert result.code == 0, result
    assert_same(dest, tree)
    for rank in (1, 2):
        assert f"mpifetch: rank {rank}: " in result.err, result


@pytest.mark.parametrize("ranks", [1, 3])
def test_an_error_is_one_sentence(run, hub, dest, site, ranks):
    result = run(ranks, "get", SOURCE, dest, env={**hub.env, **site("\nretries = x\n")})
    said = [line for line in result.err.splitlines() if line.startswith("mpifetch: ")]
    assert result.code == 2 and len(said) == 1, result
    assert "mpifetch.conf' line 2: retries 'x': expected" in said[0]
    assert hub.log() == []


@pytest.mark.parametrize(
    "text, mode, code",
    [
        ("header = A: b\n", 0o644, 2),
        ("header = A: b\n", 0o640, 2),
        ("header = A: b\n", 0o600, 0),
        ("retries = 1\n", 0o646, 2),
        ("retries = 1\n", 0o644, 0),
    ],
)
def test_who_may_read_and_write_it(run, site, text, mode, code):
    result = run(1, "get", "--show-config", env=site(text, mode))
    assert result.code == code, result
    assert ("chmod" in result.err) == (code != 0)


def test_a_secret_in_a_file_of_somebody_else(run, site, tmp_path):
    env = site("header = A: b\n", 0o600)
    os.chown(tmp_path / "etc" / "mpifetch.conf", 1234, 1234)
    assert run(1, "get", "--show-config", env=env).code == 2


@pytest.mark.parametrize("variable, below", [("HOME", ".config"), ("XDG_CONFIG_HOME", ".")])
def test_a_user_s_file_of_somebody_else(run, tmp_path, variable, below):
    """It could send the token of this user anywhere."""
    (tmp_path / below).mkdir(exist_ok=True)
    file = tmp_path / below / "mpifetch.conf"
    file.write_text("endpoint = https://elsewhere\n")
    os.chown(file, 1234, 1234)
    env = {variable: str(tmp_path)}
    result = run(1, "get", "--show-config", env=env)
    assert result.code == 2 and "belongs to uid 1234" in result.err, result
    assert run(1, "get", "--show-config", "--no-config", env=env).code == 0


def test_a_site_s_file_of_somebody_else(run, site, tmp_path):
    """Of the account that keeps the site's software, say."""
    env = site("retries = 2\n")
    os.chown(tmp_path / "etc" / "mpifetch.conf", 1234, 1234)
    result = run(1, "get", "--show-config", env=env)
    assert result.code == 0 and "retries = 2  # " in result.out, result


@pytest.mark.parametrize("length, says", [(300, "File name too long"), (600, "too long a path")])
def test_one_that_cannot_be_looked_for(run, length, says):
    """Not the same as none."""
    result = run(1, "get", "--show-config", env={"XDG_CONFIG_DIRS": "/" + length * "x"})
    assert result.code == 2 and says in result.err and "--no-config" in result.err, result


def test_the_user_counts_more_and_says_so(run, site, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "mpifetch.conf").write_text("retries = 3\n")
    env = {**site("retries = 2\nconnections = 2\nspeed-time = 9\n"), "XDG_CONFIG_HOME": str(mine)}
    words = ("get", "--show-config", "--speed-time", "7")
    result = run(2, *words, env={**env, "MPIFETCH_CONNECTIONS": "4"})
    assert result.code == 0, result
    lines = result.out.splitlines()
    assert f"# {tmp_path}/etc/mpifetch.conf: read" in lines
    assert f"# {mine}/mpifetch.conf: read" in lines
    assert f"retries = 3  # {mine}/mpifetch.conf:1" in lines
    assert "connections = 4  # environment" in lines
    assert "speed-time = 7  # command line" in lines
    for how in ({"MPIFETCH_NO_CONFIG": "1"}, {}):
        more = () if how else ("--no-config",)
        result = run(1, "get", "--show-config", *more, env={**env, **how})
        assert "retries = 5  # default" in result.out.splitlines(), result


def test_in_the_home_directory(start):
    job = start(1, "get", "--show-config")
    home = job.report.parent
    assert f"# {home}/.config/mpifetch.conf: not there" in job.wait().out
