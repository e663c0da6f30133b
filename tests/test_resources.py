"""A download that breaks off is told in one line and leaves nothing behind."""

from __future__ import annotations

import io
from email.message import Message
from http.client import IncompleteRead
from pathlib import Path

import pytest

from gptcore import resources


class Broken(io.BytesIO):
    """An answer that breaks off after its first bytes."""

    headers = Message()

    def __init__(self, error: BaseException) -> None:
        super().__init__(b"hello")
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        if block := super().read(size):
            return block
        raise self.error


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (IncompleteRead(b"hello", 9), ConnectionError),
        (TimeoutError("timed out"), ConnectionError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_download_that_breaks_off_leaves_nothing(
    error: BaseException,
    raised: type[BaseException],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GPTCORE_DATA", raising=False)
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: Broken(error))
    file = resources.File("text.txt", "https://example.org/text.txt", "0" * 64)
    said = "cannot download text.txt from https" if raised is ConnectionError else None
    with pytest.raises(raised, match=said):
        resources.fetch(file)
    assert not list(resources.cache_folder().iterdir())
