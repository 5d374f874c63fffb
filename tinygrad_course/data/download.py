"""Downloads that are verified, resumable and atomic."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from .errors import DataFileError

__all__ = ["DataFileError", "RemoteFile", "download", "sha256_of"]

_CHUNK = 1 << 16
_TRIES = 3
_SOCKET_SECONDS = 30.0


class RemoteFile(NamedTuple):
    """A published file: its name, size in bytes and SHA-256."""

    name: str
    size: int
    sha256: str


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    url: str | Sequence[str],
    path: str | os.PathLike[str],
    *,
    sha256: str,
    size: int | None = None,
    progress: bool = True,
) -> Path:
    """Download a file, unless a file with the right SHA-256 is there already.

    Bytes go to `path` + ".part". A transfer that breaks is resumed from there, now or by the next call. Only what has
    the right SHA-256 is flushed to disk and renamed to `path`, in one step: nobody ever sees a partial file under that
    name.

    Args:
        url: http(s) address, or several mirrors that are tried in turn.
        path: where the file goes; its folder is made if necessary.
        sha256: what the content must hash to.
        size: expected size in bytes; a body that grows beyond it is cut off.
        progress: show a bar (with tqdm if that is installed, else one line on stderr).

    Raises:
        DataFileError: if no mirror gave the file, or what came has another hash; names the file and the last reason.
        ValueError: if an address is neither http nor https.
    """
    urls = [url] if isinstance(url, str) else list(url)
    for address in urls:
        if not address.startswith(("https://", "http://")):
            raise ValueError(f"download: expected an http(s) address, got {address!r}")
    target = Path(path)
    if target.is_file() and sha256_of(target) == sha256.lower():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    reasons: list[str] = []
    for address in urls:
        for _ in range(_TRIES):
            resumed = part.exists() and part.stat().st_size > 0
            try:
                _transfer(address, part, size, progress)
            except _Refused as error:
                reasons.append(f"{address}: {error}")
                break  # asking the same server again would not help
            except OSError as error:  # URLError, timeouts and broken connections are OSErrors
                reasons.append(f"{address}: {error}")
                continue
            found = sha256_of(part)
            if found == sha256.lower():
                _publish(part, target)
                return target
            part.unlink()
            reasons.append(f"{address}: SHA-256 is {found}, expected {sha256.lower()}")
            if not resumed:  # after a resume the fault may lie in the old bytes: try once more from the start
                break
    raise DataFileError(f"could not download {target.name} to {target.parent}: " + "; ".join(dict.fromkeys(reasons)))


class _Refused(Exception):
    """The server answered, and the answer is no."""


def _transfer(url: str, part: Path, size: int | None, progress: bool) -> None:
    """Fetch `url` into `part`, continuing what is there."""
    import http.client
    import urllib.error
    import urllib.request

    have = part.stat().st_size if part.exists() else 0
    if size is not None and have >= size:
        if have == size:
            return  # complete; the caller checks the hash
        part.unlink()
        have = 0
    headers = {"User-Agent": "tinygrad_course", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_SOCKET_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # our bytes are not a beginning of that file
            part.unlink()
            raise OSError(f"the server cannot resume at byte {have}") from error
        if error.code >= 500:
            raise OSError(f"HTTP {error.code} {error.reason}") from error
        raise _Refused(f"HTTP {error.code} {error.reason}") from error
    except http.client.HTTPException as error:
        raise OSError(f"broken answer ({error!r})") from error
    with response:
        if have and not _continues(response, have):
            have = 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else size
        with open(part, "ab" if have else "wb") as file, _bar(part.stem, have, total, progress) as advance:
            try:
                _copy(response, file, have, size, advance)
            except http.client.HTTPException as error:
                raise OSError(f"the connection broke ({error!r})") from error
            arrived = file.tell()
            if total is not None and arrived < total:
                raise OSError(f"the connection broke after {arrived} of {total} bytes")
            file.flush()
            os.fsync(file.fileno())


def _continues(response: Any, have: int) -> bool:
    """Return whether the body is the rest that we asked for; a server may also send the whole file (200)."""
    return response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _copy(response: Any, file: IO[bytes], have: int, size: int | None, advance: Any) -> None:
    while chunk := response.read(_CHUNK):
        have += len(chunk)
        if size is not None and have > size:
            file.truncate(0)
            raise _Refused(f"sends more than the {size} bytes of this file")
        file.write(chunk)
        advance(len(chunk))


def _publish(part: Path, target: Path) -> None:
    """Rename in one step, and make the rename itself durable."""
    os.replace(part, target)
    with contextlib.suppress(OSError):  # some systems cannot open a folder; the data are on disk already
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _bar(name: str, have: int, total: int | None, show: bool) -> Iterator[Any]:
    if not show:
        yield lambda count: None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        size = f" ({total / 1e6:.1f} MB)" if total else ""
        print(f"downloading {name}{size}", file=sys.stderr, flush=True)
        yield lambda count: None
        return
    with tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name) as bar:
        yield bar.update
