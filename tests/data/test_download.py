"""Downloads against a local server that breaks in every way we could think of."""

import contextlib
import hashlib
import http.server
import threading

import pytest

from tinygrad_course.data import DataFileError, download

BODY = bytes(range(256)) * 2000
SIZE = len(BODY)
SHA256 = hashlib.sha256(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves BODY; the path says what goes wrong."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, what = self.server, self.path.strip("/")
        asked = self.headers.get("Range")
        server.log.append((what, asked))
        body, start, status = BODY, 0, 200
        if what == "missing":
            return self.send_error(404)
        if what == "error" or (what == "error-once" and len(server.log) == 1):
            return self.send_error(503)
        if what == "other":
            body = BODY[::-1]
        if what == "no-range":
            asked = None
        if asked:
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(body) or what == "cannot-resume":
                return self.send_error(416)
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        rest = body[start:]
        if what != "no-length":
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if what == "truncated" or (what == "truncated-once" and len(server.log) == 1):
            rest = rest[: len(rest) // 2]
        if what in ("endless", "no-length"):
            rest = rest if what == "no-length" else rest * 50
        with contextlib.suppress(ConnectionError):
            self.wfile.write(rest)
        return None


@pytest.fixture(scope="module")
def running():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.log = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def server(running, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running.log.clear()
    return running


@pytest.fixture
def get(server, tmp_path):
    target = tmp_path / "folder" / "file.bin"

    def fetch(*whats, size=SIZE):
        urls = [f"http://127.0.0.1:{server.server_port}/{what}" for what in whats]
        return download(urls, target, sha256=SHA256, size=size, progress=False)

    fetch.target = target
    fetch.part = target.with_name("file.bin.part")
    return fetch


def test_a_file_arrives_whole_and_is_not_fetched_twice(get, server):
    assert get("fine") == get.target and get.target.read_bytes() == BODY
    assert not get.part.exists()
    get("fine")
    assert len(server.log) == 1


def test_a_wrong_file_in_place_is_replaced(get):
    get.target.parent.mkdir()
    get.target.write_bytes(BODY[:-1])
    assert get("fine").read_bytes() == BODY


@pytest.mark.parametrize("have", [1, 1000, len(BODY) - 1])
def test_a_transfer_resumes_where_it_broke(get, server, have):
    get.part.parent.mkdir()
    get.part.write_bytes(BODY[:have])
    assert get("fine").read_bytes() == BODY
    assert server.log == [("fine", f"bytes={have}-")]


def test_a_broken_connection_is_resumed_within_one_call(get, server):
    assert get("truncated-once").read_bytes() == BODY
    assert server.log == [("truncated-once", None), ("truncated-once", f"bytes={len(BODY) // 2}-")]


def test_a_complete_part_needs_no_server(get, server):
    get.part.parent.mkdir()
    get.part.write_bytes(BODY)
    assert get("missing").read_bytes() == BODY and server.log == []


def test_a_server_that_cannot_resume_sends_the_whole(get):
    get.part.parent.mkdir()
    get.part.write_bytes(BODY[:500])
    assert get("no-range").read_bytes() == BODY
    get.target.unlink()
    get.part.write_bytes(BODY[:500])
    assert get("cannot-resume").read_bytes() == BODY


def test_wrong_bytes_in_the_part_are_found_and_fetched_again(get, server):
    get.part.parent.mkdir()
    get.part.write_bytes(b"x" * 500)
    assert get("fine").read_bytes() == BODY
    assert [asked for _, asked in server.log] == ["bytes=500-", None]
    get.target.unlink()
    get.part.write_bytes(b"x" * (len(BODY) + 5))
    assert get("fine").read_bytes() == BODY


def test_a_wrong_hash_leaves_nothing_behind(get, server):
    with pytest.raises(DataFileError, match=r"file\.bin.*SHA-256 is [0-9a-f]{64}, expected " + SHA256):
        get("other")
    assert list(get.target.parent.iterdir()) == [] and len(server.log) == 1


def test_a_server_that_keeps_breaking_is_named_and_the_part_is_kept(get):
    with pytest.raises(DataFileError, match=r"file\.bin.*/truncated: the connection broke after"):
        get("truncated")
    assert not get.target.exists() and BODY.startswith(get.part.read_bytes()) and get.part.stat().st_size > 0
    assert get("fine").read_bytes() == BODY


def test_a_body_longer_than_the_file_is_cut_off(get):
    with pytest.raises(DataFileError, match="sends more than"):
        get("endless", size=1000)
    assert not get.target.exists() and (not get.part.exists() or get.part.stat().st_size <= 1000)


def test_mirrors_are_tried_in_turn(get, server):
    assert get("missing", "other", "fine").read_bytes() == BODY
    assert [what for what, _ in server.log] == ["missing", "other", "fine"]
    get.target.unlink()
    with pytest.raises(DataFileError, match=r"HTTP 404.*HTTP 503"):
        get("missing", "error")


def test_a_server_error_is_tried_again(get):
    assert get("error-once").read_bytes() == BODY


def test_a_body_without_length(get):
    assert get("no-length", size=None).read_bytes() == BODY


def test_no_server_at_all(tmp_path):
    with pytest.raises(DataFileError, match="could not download a"):
        download("http://127.0.0.1:9/a", tmp_path / "a", sha256=SHA256, progress=False)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x"])
def test_only_http(tmp_path, url):
    with pytest.raises(ValueError, match="http"):
        download(url, tmp_path / "a", sha256=SHA256)


def test_progress_is_shown_and_does_not_disturb(server, tmp_path, capsys):
    url = f"http://127.0.0.1:{server.server_port}/fine"
    assert download(url, tmp_path / "shown.bin", sha256=SHA256).read_bytes() == BODY
    assert "shown.bin" in capsys.readouterr().err
