from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bge_reranker.errors import InvalidPicture
from bge_reranker.vision.decoding import decode
from bge_reranker.vision.limits import PictureLimits
from bge_reranker.vision.preprocessing import Preprocessing

from .tiny import file_of, picture

LIMITS = PictureLimits(max_bytes=100_000, max_pixels=10_000)
SQUEEZED = Preprocessing(8, (8, 8), 0, (0.5,) * 3, (0.5,) * 3)
CUT = Preprocessing(8, 8, 0, (0.5,) * 3, (0.5,) * 3)


def test_a_picture_of_the_right_size_keeps_its_pixels() -> None:
    image = picture(1, (8, 8))

    assert np.array_equal(decode(file_of(image), LIMITS, SQUEEZED), np.asarray(image))


def test_the_middle_of_a_wide_picture_is_cut_out_after_its_shorter_side_was_scaled() -> None:
    image = Image.new("RGB", (24, 8), "red")
    image.paste("blue", (8, 0, 16, 8))

    assert (decode(file_of(image), LIMITS, CUT) == (0, 0, 255)).all()


def test_a_turned_photo_is_read_upright() -> None:
    image = picture(2, (8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = np.rot90(np.asarray(image), k=-1)

    assert np.array_equal(decode(file_of(image, exif=exif), LIMITS, SQUEEZED), upright)


def test_what_is_transparent_lies_over_white() -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))

    assert (decode(file_of(image), LIMITS, SQUEEZED) == 255).all()


def test_an_animated_picture_is_refused() -> None:
    frames = [picture(seed, (8, 8)) for seed in range(3)]
    content = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])

    with pytest.raises(InvalidPicture, match="animated: it has several frames"):
        decode(content, LIMITS, SQUEEZED)


def test_a_bomb_is_refused_by_the_size_that_it_announces_before_it_is_unpacked() -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(bytes(1000)), b"IEND": b""}
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in chunks.items())

    with pytest.raises(InvalidPicture, match="60000 x 60000 pixels; the limit is 10000"):
        decode(bomb, LIMITS, SQUEEZED)


def test_a_file_over_the_limit_is_refused_with_both_figures() -> None:
    with pytest.raises(InvalidPicture, match="has 100001 bytes; the limit is 100000"):
        decode(bytes(100_001), LIMITS, SQUEEZED)


@pytest.mark.parametrize("content", [b"<svg/>", b"%PDF-1.7", b"II*\x00" + bytes(50)])
def test_what_is_no_picture_that_is_read_here_is_refused_by_the_formats(content: bytes) -> None:
    with pytest.raises(InvalidPicture, match="PNG, JPEG, WEBP, GIF, BMP"):
        decode(content, LIMITS, SQUEEZED)


def test_a_picture_that_ends_early_is_called_damaged() -> None:
    content = file_of(picture(3, (64, 64)))

    with pytest.raises(InvalidPicture, match="damaged"):
        decode(content[: len(content) // 2], LIMITS, SQUEEZED)


def test_greys_of_16_bits_are_scaled_and_not_cut_off() -> None:
    greys = np.tile(np.linspace(0, 255, 16, dtype=np.uint8), (16, 1))
    fine = decode(file_of(Image.fromarray(greys.astype(np.uint16) * 257)), LIMITS, SQUEEZED)

    assert np.array_equal(fine, decode(file_of(Image.fromarray(greys)), LIMITS, SQUEEZED))


def test_a_photo_with_a_preview_is_the_photo() -> None:
    photo, preview = picture(1, (64, 64)), picture(2, (64, 64))
    content = file_of(photo, "MPO", save_all=True, append_images=[preview])

    assert np.array_equal(decode(content, LIMITS, SQUEEZED), decode(file_of(photo, "JPEG"), LIMITS, SQUEEZED))


def test_a_colour_of_16_bits_that_stands_for_transparent_becomes_white() -> None:
    row = b"\0" + b"\x12\x34\x56\x78\x9a\xbc" * 8
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"tRNS", b"\x12\x34\x56\x78\x9a\xbc"),
        (b"IDAT", zlib.compress(row * 8)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )

    assert decode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks), LIMITS, SQUEEZED).min() == 255
