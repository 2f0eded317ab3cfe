"""Task files from elsewhere: over https, from buckets, and through paths that users pass in."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cloud_tasks.core.task import Task
from cloud_tasks.task_file import Limits, RemoteRules
from cloud_tasks.task_file.addresses import Address, redacted
from tests.task_file.files import read, refused

CERTIFICATE = Path(__file__).parent / "certificate"
TASKS = b'[{"task_id": "a", "data": {"x": 1}}]'


class Site:
    """A small web site on loopback."""

    def __init__(self, *, tls: bool) -> None:
        self.pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.seen: list[tuple[str, str | None]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.seen.append((self.path, self.headers["Authorization"]))
                answer = site.pages.get(self.path.partition("?")[0], not_found)
                answer(self)

            do_HEAD = do_GET  # noqa: N815 - the name that the server calls

            def log_message(self, *_args: object) -> None:
                """Tests are quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE / "localhost.pem", CERTIFICATE / "localhost.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def put(self, path: str, body: bytes = TASKS, *, length: int | None = None) -> str:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body) if length is None else length))
            handler.send_header("ETag", '"one"')
            handler.send_header("Last-Modified", "Mon, 02 Jan 2023 00:00:00 GMT")
            handler.end_headers()
            if handler.command == "GET":
                handler.wfile.write(body)

        self.pages[path] = answer
        return f"https://localhost:{self.port}{path}"

    def redirect(self, path: str, target: str) -> str:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", target)
            handler.end_headers()

        self.pages[path] = answer
        return f"https://localhost:{self.port}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def not_found(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(tls=True)
    yield made
    made.close()


def is_loopback(address: Address) -> bool:
    return address.is_loopback


@pytest.fixture(scope="module")
def rules() -> RemoteRules:
    return RemoteRules(is_loopback, ssl.create_default_context(cafile=CERTIFICATE / "localhost.pem"))


def test_a_file_is_fetched_over_https(site: Site, rules: RemoteRules) -> None:
    url = site.put("/folder/tasks.json")
    assert read(f"{url}?version=3", rules=rules) == [Task("a", {"x": 1})]
    assert site.seen == [("/folder/tasks.json?version=3", None)]


def test_problems_of_a_fetched_file_name_the_url_without_its_secrets(site: Site, rules: RemoteRules) -> None:
    url = site.put("/tasks.json", b'{"task": 1}').replace("https://", "https://user:secret@")
    shown = refused(f"{url}?signature=hidden", rules=rules)
    assert f"--> https://***@localhost:{site.port}/tasks.json?***:1:2" in shown
    assert "secret" not in shown
    assert "hidden" not in shown


def test_credentials_of_the_url_go_to_its_host_alone(site: Site, rules: RemoteRules) -> None:
    site.put("/tasks.json")
    away = site.redirect("/away.json", f"https://127.0.0.1:{site.port}/tasks.json")
    read(away.replace("https://", "https://user:pass%20word@"), rules=rules)
    assert site.seen == [("/away.json", "Basic dXNlcjpwYXNzIHdvcmQ="), ("/tasks.json", None)]


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "169.254.169.254", "10.1.2.3", "0x7f000001"]
)
def test_addresses_that_are_not_public_are_refused(host: str) -> None:
    shown = refused(f"https://{host}/tasks.json")
    assert "cannot fetch" in shown
    assert "which is not a public one" in shown


def test_a_redirect_to_a_private_address_is_refused(site: Site, rules: RemoteRules) -> None:
    shown = refused(site.redirect("/tasks.json", "https://169.254.169.254/latest/tasks.json"), rules=rules)
    assert "`169.254.169.254` has the address 169.254.169.254, which is not a public one" in shown


def test_a_redirect_away_from_https_is_refused(site: Site, rules: RemoteRules) -> None:
    shown = refused(site.redirect("/tasks.json", "http://localhost/tasks.json?key=hidden"), rules=rules)
    assert "it redirects to http://localhost/tasks.json?***, which is not https" in shown


def test_redirects_end(site: Site, rules: RemoteRules) -> None:
    assert "more than 5 redirects" in refused(site.redirect("/tasks.json", "/tasks.json"), rules=rules)
    assert len(site.seen) == 6


def test_the_connection_goes_to_the_address_that_was_checked(
    site: Site, rules: RemoteRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def changing(host: str, *args: object, **options: object) -> object:
        asked.append(host)
        return real(host if asked.count(host) == 1 else "192.0.2.1", *args, **options)  # type: ignore[arg-type]

    url = site.put("/tasks.json")
    monkeypatch.setattr(socket, "getaddrinfo", changing)
    assert len(read(url, rules=rules)) == 1
    assert asked.count("localhost") == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(site: Site) -> None:
    shown = refused(site.put("/tasks.json"), rules=RemoteRules(is_loopback))
    assert "certificate verify failed" in shown.lower()


def test_a_missing_page_says_what_the_server_said(site: Site, rules: RemoteRules) -> None:
    assert "the server says 404 Not Found" in refused(
        f"https://localhost:{site.port}/tasks.json", rules=rules
    )


@pytest.mark.parametrize("length", [None, 10_000])
def test_input_12_a_fetched_file_is_bounded_in_bytes(
    site: Site, rules: RemoteRules, length: int | None
) -> None:
    url = site.put("/tasks.json", b" " * 1001, length=length)
    shown = refused(url, rules=rules, limits=Limits(download_size_bytes_max=1000))
    assert "it is larger than the limit of 1,000 bytes" in shown


def test_a_connection_that_ends_early_is_no_short_file(site: Site, rules: RemoteRules) -> None:
    url = site.put("/tasks.jsonl", b'{"task_id": "a", "data": {}}\n', length=1000)
    assert "the connection ended after 29 of 1,000 bytes" in refused(url, rules=rules)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[ "])
def test_a_fetched_file_is_bounded_in_time(site: Site, rules: RemoteRules, sent: bytes) -> None:
    is_over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(sent)
        is_over.wait(60)

    site.pages["/tasks.json"] = drip
    url = f"https://localhost:{site.port}/tasks.json"
    shown = refused(url, rules=rules, limits=Limits(download_s_max=0.5))
    is_over.set()
    assert "it took longer than 0.5 seconds" in shown


@pytest.mark.parametrize("url", ["http://example.org/tasks.json", "ftp://user:secret@example.org/tasks.json"])
def test_other_schemes_are_refused(url: str) -> None:
    shown = refused(url)
    assert "https://, s3:// and gs://" in shown
    assert "secret" not in shown


@pytest.mark.parametrize("url", ["https://example.org/tasks", "s3://bucket/tasks.csv"])
def test_the_suffix_of_a_url_is_looked_at_before_anything_is_fetched(url: str) -> None:
    assert "the name of a task file ends in one of" in refused(url)


def test_redacting() -> None:
    assert redacted("https://u:p@h:1/a?b=c#d") == "https://***@h:1/a?***"
    assert redacted("s3://bucket/key.json") == "s3://bucket/key.json"
    assert redacted("https://[") == "***"


class PassedIn:
    """What is used of an `FCPath`."""

    def __init__(self, path: Path, failure: Exception | None = None) -> None:
        self.path = path
        self.suffix = path.suffix
        self.failure = failure

    def __str__(self) -> str:
        return f"gs://bucket/{self.path.name}"

    def open(self, mode: str) -> object:
        if self.failure is not None:
            raise self.failure
        return self.path.open(mode)


def test_a_path_object_is_opened_by_its_own_means(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_bytes(TASKS)
    assert read(PassedIn(path)) == [Task("a", {"x": 1})]  # type: ignore[arg-type]
    path.write_bytes(b"{}")
    assert "--> gs://bucket/tasks.json:1:1" in refused(PassedIn(path))  # type: ignore[arg-type]


def test_what_a_path_object_raises_is_a_problem(tmp_path: Path) -> None:
    failure = RuntimeError("403 at https://h/o?token=hidden\nForbidden")
    shown = refused(PassedIn(tmp_path / "tasks.json", failure))  # type: ignore[arg-type]
    assert "cannot fetch `gs://bucket/tasks.json`: RuntimeError: 403 at https://h/o?*** Forbidden" in shown
    assert "GOOGLE_APPLICATION_CREDENTIALS" in shown
    assert "hidden" not in shown


def in_new_process(url: str, **environment: str) -> str:
    """What a program says that opens a file in a bucket; the SDKs stay out of this process."""
    code = (
        "import sys; from cloud_tasks.task_file import open_task_file\n"
        "from cloud_tasks.errors import TaskFileError; from cloud_tasks.diagnostics import render\n"
        "try: print([task.task_id for task in open_task_file(sys.argv[1])])\n"
        "except TaskFileError as error: print(render(error.problems))\n"
    )
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GOOGLE_", "STORAGE_"))
    }
    command = [sys.executable, "-c", code, url]
    root = Path(__file__).parents[2]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, cwd=root, env=kept | environment, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def bucket() -> Iterator[Site]:
    made = Site(tls=False)
    yield made
    made.close()


def aws(bucket: Site) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{bucket.port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }


def test_a_file_in_a_bucket(bucket: Site) -> None:
    pytest.importorskip("filecache")
    bucket.put("/bucket/tasks.json")
    assert in_new_process("s3://bucket/tasks.json", **aws(bucket)) == "['a']\n"


def test_a_file_that_is_not_in_the_bucket(bucket: Site) -> None:
    pytest.importorskip("filecache")
    shown = in_new_process("s3://bucket/tasks.json", **aws(bucket))
    assert "error: cannot fetch `s3://bucket/tasks.json`: FileNotFoundError" in shown
    assert "AWS_ACCESS_KEY_ID" in shown


def test_a_bucket_without_credentials(bucket: Site, tmp_path: Path) -> None:
    pytest.importorskip("filecache")
    environment = aws(bucket) | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    del environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    shown = in_new_process("s3://bucket/tasks.json", **environment)
    assert "error: cannot fetch `s3://bucket/tasks.json`: NoCredentialsError" in shown
    assert bucket.seen == []


def test_without_the_library_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "filecache.py").write_text("raise ImportError\n")
    shown = in_new_process("gs://bucket/tasks.json", PYTHONPATH=str(tmp_path))
    assert "this needs the package rms-filecache" in shown
    assert "pip install 'cloud-tasks[remote]'" in shown
