"""Files that are fetched once: where they are looked for, and a download that goes wrong."""

from __future__ import annotations

import hashlib
import io
import os
from email.message import Message
from http.client import IncompleteRead
from pathlib import Path

import pytest

from gptcore import resources, tokenizer
from gptcore.data import tinyshakespeare
from gptcore.tokenizer import gpt2_tokenizer


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GPTCORE_DATA", str(tmp_path / "data"))
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
    said = "cannot be downloaded from https" if raised is ConnectionError else None
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
    with pytest.raises(ConnectionError, match="put it into a folder and name that") as refused:
        resources.fetch(file)
    assert f"is not in {tmp_path / 'data'} or {nowhere}, and" in str(refused.value)
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


# GPT-2's vocabulary


URL = "https://example.org/vocab.bpe"
PLACES = {
    "TIKTOKEN_CACHE_DIR": "theirs",
    "DATA_GYM_CACHE_DIR": "older",
    "GPTCORE_DATA": "data/tiktoken",
    "TMPDIR": "tmp/data-gym-cache",
}


@pytest.fixture
def vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a network, and a vocabulary of one small file; gives its folder."""

    def offline(name: str) -> str:
        """As tiktoken does it: from the cache that the environment names, or not at all."""
        folder = os.environ.get("TIKTOKEN_CACHE_DIR") or "nowhere"
        if (found := Path(folder, tokenizer.cached_name(URL))).is_file():
            return found.read_text()
        raise ConnectionError(name)

    content = hashlib.sha256(b"merges").hexdigest()
    monkeypatch.setattr("gptcore.tokenizer.GPT2_FILES", {URL: content})
    monkeypatch.setattr("tiktoken.get_encoding", offline)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "tmp"))
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def put(folder: Path, content: bytes = b"merges") -> None:
    folder.mkdir(parents=True)
    (folder / tokenizer.cached_name(URL)).write_bytes(content)


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        ({"TIKTOKEN_CACHE_DIR": "theirs"}, "theirs"),
        ({"DATA_GYM_CACHE_DIR": "older"}, "older"),
        ({"GPTCORE_DATA": "data"}, "data/tiktoken"),
        ({}, "tmp/data-gym-cache"),
        ({"TIKTOKEN_CACHE_DIR": "theirs", "GPTCORE_DATA": "data"}, "data/tiktoken"),
        ({"TIKTOKEN_CACHE_DIR": "theirs", "GPTCORE_DATA": "data"}, "theirs"),
        ({"TIKTOKEN_CACHE_DIR": "", "GPTCORE_DATA": "data"}, "data/tiktoken"),
        ({"TIKTOKEN_CACHE_DIR": "theirs", "GPTCORE_DATA": ""}, "tmp/data-gym-cache"),
        ({"TIKTOKEN_CACHE_DIR": "theirs", "DATA_GYM_CACHE_DIR": "older"}, "older"),
    ],
)
@pytest.mark.parametrize("others", ["missing", "empty", "damaged"])
def test_the_vocabulary_is_found_in_every_place_that_is_named(
    settings: dict[str, str],
    there: str,
    others: str,
    vocabulary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, folder in settings.items():
        monkeypatch.setenv(name, folder and str(vocabulary / folder))
    put(vocabulary / there)
    for folder in set(PLACES.values()) - {there}:
        if others == "empty":
            (vocabulary / folder).mkdir(parents=True)
        elif others == "damaged":
            put(vocabulary / folder, b"other merges")
    assert gpt2_tokenizer() == "merges"
    assert {name: os.environ.get(name) for name in settings} == {
        name: folder and str(vocabulary / folder) for name, folder in settings.items()
    }
    assert "TIKTOKEN_CACHE_DIR" in settings or "TIKTOKEN_CACHE_DIR" not in os.environ


def test_each_place_without_a_vocabulary_is_named(
    vocabulary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, folder in PLACES.items():
        monkeypatch.setenv(name, str(vocabulary / folder.removesuffix("/tiktoken")))
    with pytest.raises(FileNotFoundError, match="point GPTCORE_DATA at a folder") as refused:
        gpt2_tokenizer()
    said = str(refused.value)
    assert "\n" not in said
    assert [said.find(str(vocabulary / folder)) > 0 for folder in PLACES.values()] == [True] * 4
    assert "TIKTOKEN_CACHE_DIR" in said
    assert not resources.available("gpt2-bpe")


def test_the_names_and_hashes_are_those_of_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which a newer one may change: then nothing would be found that lies there."""
    from tiktoken import load
    from tiktoken_ext import openai_public

    asked: dict[str, str] = {}

    def stop(blobpath: str, expected_hash: str) -> bytes:
        asked[blobpath] = expected_hash
        return b"\n" if len(asked) == 1 else b"{}"

    monkeypatch.setattr(load, "read_file_cached", stop)
    with pytest.raises(AssertionError):  # there is nothing in them
        openai_public.gpt2()
    assert asked == tokenizer.GPT2_FILES
