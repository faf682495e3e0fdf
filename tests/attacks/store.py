"""Checkpoints and archives that others made, on their way into a store."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bge_reranker.errors import RerankerError
from bge_reranker.store.paths import Store
from tests.attacks.attack import Attack
from tests.store.models import fetch, model_files

_MODEL = model_files(weights_bytes=1_000)
_WEIGHTS = _MODEL.pop("model.safetensors")
_BARE = {name: _MODEL[name] for name in ("config.json", "tokenizer.json")}
_INDEX = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}).encode()
_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1112206896\n"


def _outcome(store: Path, source: Path) -> str:
    """The weights that are in the store afterwards, or the code of the refusal; nothing may be left of one."""
    try:
        fetched = fetch(store, str(source))
    except RerankerError as error:
        assert not list(Store(store).versions())
        return error.code
    return ", ".join(sorted(path.name for path in fetched.version.path.glob("*.safetensors")))


def _folder(files: Mapping[str, bytes]) -> Callable[[Path], str]:
    def launch(folder: Path) -> str:
        model = folder / "model"
        model.mkdir()
        for name, content in files.items():
            (model / name).write_bytes(content)
        return _outcome(folder / "store", model)

    return launch


def _large(name: str, size_bytes: int) -> Callable[[Path], str]:
    """A folder in which a small file is large, most of it holes."""

    def launch(folder: Path) -> str:
        model = folder / "model"
        model.mkdir()
        for path, content in {**_BARE, "model.safetensors": _WEIGHTS}.items():
            (model / path).write_bytes(content)
        with (model / name).open("ab") as file:
            file.truncate(size_bytes)
        return _outcome(folder / "store", model)

    return launch


def _archive(content: Callable[[], bytes]) -> Callable[[Path], str]:
    def launch(folder: Path) -> str:
        archive = folder / "model.tar"
        archive.write_bytes(content())
        return _outcome(folder / "store", archive)

    return launch


def _member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, declared: int | None = None) -> bytes:
    """A member whose header may declare another size than its content has."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content) if declared is None else declared
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def _tar(*members: bytes) -> bytes:
    model = [_member(name, content) for name, content in {**_BARE, "model.safetensors": _WEIGHTS}.items()]
    return b"".join([*members, *model, bytes(2 * tarfile.BLOCKSIZE)])


def _sparse() -> bytes:
    """A file with holes: one byte when it is unpacked, 2^60 bytes in the archive by its own account."""
    header = bytearray(_member("hole", kind=tarfile.GNUTYPE_SPARSE, declared=2**60))
    header[483:495] = b"%011o\0" % 1
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _zip(damage: Callable[[bytes], bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in {**_BARE, "model.safetensors": _WEIGHTS}.items():
            packed.writestr(name, content)
    return damage(stream.getvalue())


def _zip_of_windows() -> bytes:
    """Backslashes between folder and name, as PowerShell's Compress-Archive wrote them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in {**_BARE, "model.safetensors": _WEIGHTS}.items():
            member = zipfile.ZipInfo(f"model\\{name}")
            member.create_system = 0
            packed.writestr(member, content)
    return stream.getvalue()


def _wrong_sum(data: bytes) -> bytes:
    """A gzip file that says of its content another checksum."""
    packed = gzip.compress(data)
    return packed[:-8] + bytes(4) + packed[-4:]


def _extended(length: int) -> bytes:
    """A tar whose extended header is so long."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * length}):
        pass
    return stream.getvalue().rstrip(b"\0") + bytes(tarfile.BLOCKSIZE)


_FAR = 2**60

ROWS: tuple[Attack, ...] = (
    Attack(
        "checkpoint", "another variant alone", _folder({**_BARE, "model.fp16.safetensors": _WEIGHTS}), "CorruptFile"
    ),
    Attack(
        "checkpoint",
        "pickles beside an adapter",
        _folder({**_BARE, "pytorch_model.bin": b"x", "adapter_model.safetensors": _WEIGHTS}),
        "UnsafeFormat",
    ),
    Attack(
        "checkpoint",
        "an index with a shard missing",
        _folder({**_BARE, "model.safetensors.index.json": _INDEX, "model-1.safetensors": _WEIGHTS}),
        "CorruptFile",
    ),
    Attack(
        "checkpoint",
        "weights beside what is not loaded",
        _folder(
            {**_BARE, "model.safetensors": _WEIGHTS, "adapter_model.safetensors": b"x", "model-9.safetensors": b"x"}
        ),
        "model.safetensors",
    ),
    Attack(
        "checkpoint",
        "an index that is a web page",
        _folder({**_BARE, "model.safetensors.index.json": b"<html>", "model-1.safetensors": _WEIGHTS}),
        "CorruptFile",
    ),
    Attack(
        "checkpoint",
        "weights that are a Git LFS pointer",
        _folder({**_BARE, "model.safetensors": _LFS_POINTER}),
        "CorruptFile",
    ),
    Attack(
        "checkpoint",
        "a tokenizer that is a Git LFS pointer",
        _folder({**_BARE, "model.safetensors": _WEIGHTS, "tokenizer.json": _LFS_POINTER}),
        "CorruptFile",
    ),
    Attack(
        "checkpoint",
        "weights that are a web page",
        _folder({**_BARE, "model.safetensors": b"\xef\xbb\xbf\n<!DOCTYPE html>"}),
        "CorruptFile",
    ),
    Attack("checkpoint", "a manifest of 2^40 bytes", _large("manifest.json", 2**40), "CorruptFile"),
    Attack("checkpoint", "a config.json of 17 MB", _large("config.json", 17 * 2**20), "CorruptFile"),
    Attack(
        "checkpoint",
        "a config.json that is no JSON",
        _folder({**_BARE, "config.json": b"{", "model.safetensors": _WEIGHTS}),
        "CorruptFile",
    ),
    Attack("checkpoint", "weights cut short", _folder({**_BARE, "model.safetensors": _WEIGHTS[:-1]}), "CorruptFile"),
    Attack("checkpoint", "no bytes of weights", _folder({**_BARE, "model.safetensors": b""}), "CorruptFile"),
    Attack("archive", "a plain zip", _archive(lambda: _zip(lambda data: data)), "model.safetensors"),
    Attack(
        "archive",
        "a zip whose members begin before it",
        # What the end says of where the list of members lies.
        _archive(lambda: _zip(lambda data: data[:-6] + b"\xff\xff\xff\x7f" + data[-2:])),
        "CorruptFile",
    ),
    Attack(
        "archive",
        "a zip with a member without a name",
        _archive(lambda: _zip(lambda data: data.replace(b"config.json", bytes(11)))),
        "CorruptFile",
    ),
    Attack("archive", "a zip with backslashes, of Windows", _archive(_zip_of_windows), "model.safetensors"),
    Attack("archive", "a plain tar", _archive(_tar), "model.safetensors"),
    Attack("archive", "a plain tar, compressed", _archive(lambda: gzip.compress(_tar())), "model.safetensors"),
    Attack(
        "archive",
        "a tar with a zip in it, as torch saves",
        _archive(lambda: _tar(_member("training_args.bin", _zip(lambda data: data)))),
        "model.safetensors",
    ),
    Attack("archive", "a compressed tar with another checksum", _archive(lambda: _wrong_sum(_tar())), "CorruptFile"),
    Attack(
        "archive",
        "a compressed tar cut after its last member",
        _archive(lambda: gzip.compress(_tar())[:-9]),
        "CorruptFile",
    ),
    Attack(
        "archive",
        "10,001 folders",
        _archive(lambda: _tar(*[_member("a", kind=tarfile.DIRTYPE)] * 10_001)),
        "CorruptFile",
    ),
    Attack("archive", "a member of 2^60 bytes", _archive(lambda: _tar(_member("a", declared=_FAR))), "CorruptFile"),
    Attack(
        "archive",
        "an unknown kind of member of 2^60 bytes",
        _archive(lambda: _tar(_member("a", kind=b"Z", declared=_FAR))),
        "CorruptFile",
    ),
    Attack(
        "archive", "a member of less than no bytes", _archive(lambda: _tar(_member("a", declared=-1024))), "CorruptFile"
    ),
    Attack("archive", "a file with holes of 2^60 bytes", _archive(lambda: _tar(_sparse())), "CorruptFile"),
    Attack(
        "archive",
        "a long name of 2^60 bytes",
        _archive(lambda: _tar(_member("a", kind=tarfile.GNUTYPE_LONGNAME, declared=_FAR))),
        "CorruptFile",
    ),
    Attack("archive", "an extended header of 8 MB", _archive(lambda: _extended(8_000_000) + _tar()), "CorruptFile"),
    Attack(
        "archive",
        "5,000 long names in a row",
        _archive(lambda: _tar(*[_member("a", b"x\0", tarfile.GNUTYPE_LONGNAME)] * 5_000)),
        "CorruptFile",
    ),
    Attack("archive", "one name 10,001 times", _archive(lambda: _tar(*[_member("a")] * 10_001)), "CorruptFile"),
    Attack(
        "archive",
        "shards of which one is missing",
        _archive(
            lambda: (
                b"".join(
                    _member(name, content)
                    for name, content in {
                        **_BARE,
                        "model-1.safetensors": _WEIGHTS,
                        "model.safetensors.index.json": _INDEX,
                    }.items()
                )
                + bytes(1_024)
            )
        ),
        "CorruptFile",
    ),
)
