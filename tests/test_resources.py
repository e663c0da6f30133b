"""Files that are fetched once: where they are looked for, and a download that goes wrong."""

from __future__ import annotations

import io
from email.message import Message
from http.client import IncompleteRead
from pathlib import Path

import pytest

from gptcore import resources
from gptcore.data import tinyshakespeare


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("GPTCORE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "gptcore"


def served(tmp_path: Path, content: bytes, sha256: str) -> resources.File:
    path = tmp_path / "public.txt"
    path.write_bytes(content)
    return resources.File("text.txt", path.as_uri(), sha256)


HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # of b"hello"


class Broken(io.BytesIO):
    """An answer that breaks off after its first bytes."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__(b"hello")
        self.headers = Message()
        self.headers["Content-Length"] = "9"
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        if not block and self.error:
            raise self.error
        return block


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (None, ConnectionError),
        (IncompleteRead(b"hello", 9), ConnectionError),
        (TimeoutError("timed out"), ConnectionError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_download_that_breaks_off_leaves_nothing(
    error: BaseException | None,
    raised: type[BaseException],
    nowhere: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: Broken(error))
    file = resources.File("text.txt", "https://example.org/text.txt", "0" * 64)
    said = "cannot download text.txt from https" if raised is ConnectionError else None
    with pytest.raises(raised, match=said):
        resources.fetch(file)
    assert not list(nowhere.iterdir())


def test_a_file_is_downloaded_once(nowhere: Path, tmp_path: Path) -> None:
    file = served(tmp_path, b"hello", HELLO)
    assert resources.fetch(file).read_bytes() == b"hello"
    (tmp_path / "public.txt").unlink()
    assert resources.fetch(file) == nowhere / "text.txt"


def test_a_file_with_other_content_is_refused(nowhere: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"text\.txt: its SHA-256 begins with"):
        resources.fetch(served(tmp_path, b"goodbye", HELLO))


def test_without_network_the_error_says_what_to_do(nowhere: Path, tmp_path: Path) -> None:
    file = resources.File("text.txt", (tmp_path / "nothing").as_uri(), HELLO)
    with pytest.raises(ConnectionError, match=r"cannot download text\.txt .* GPTCORE_DATA"):
        resources.fetch(file)
    assert not list(nowhere.iterdir())


def test_tinyshakespeare_is_the_one_that_was_measured() -> None:
    if not resources.available("tinyshakespeare"):
        pytest.skip("TinyShakespeare is not on this machine: GPTCORE_DATA names its folder")
    assert len(tinyshakespeare()) == 1_115_394


def test_a_named_folder_goes_before_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTCORE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = resources.File("text.txt", "https://example.org/text.txt", "0" * 64)
    for folder in (tmp_path / "cache" / "gptcore", tmp_path / "data"):
        folder.mkdir(parents=True)
        (folder / "text.txt").touch()
        assert resources.find(file) == folder / "text.txt"
