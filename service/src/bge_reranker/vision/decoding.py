"""From the bytes of a picture to the square of pixels that a network reads."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InvalidPicture
from .limits import PictureLimits
from .preprocessing import Preprocessing

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""What is decoded; Pillow reads many more, some by calling other programs."""

_LARGEST_BYTE = 255

# The limit of pixels is a setting here, and is applied before anything is decompressed; Pillow's own would only warn.
Image.MAX_IMAGE_PIXELS = None


def decode(content: bytes, limits: PictureLimits, wanted: Preprocessing) -> NDArray[np.uint8]:
    """Decode a picture, turn it upright, and scale it as the network wants it.

    Args:
        content: The file.
        limits: How large it may be.
        wanted: What becomes of it.

    Returns:
        uint8 (side, side, 3).

    Raises:
        InvalidPicture: If it is too large, animated, damaged, or in no format that is read here.
    """
    if not content:
        raise InvalidPicture("The picture is empty: it has no bytes.", remedy="Send the whole file.")
    if len(content) > limits.max_bytes:
        raise InvalidPicture(
            f"The picture has {len(content)} bytes; the limit is {limits.max_bytes} (pictures.maxPictureBytes).",
            remedy="Send a smaller one; the network reads small pictures anyway.",
        )
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _refuse(image, limits)
            return _scaled(_upright(image), wanted)
    except (InvalidPicture, MemoryError):
        raise
    except UnidentifiedImageError:
        raise InvalidPicture(
            f"The picture is in no format that is read here: {', '.join(FORMATS)}.", remedy="Convert it."
        ) from None
    except Exception as error:
        # Decoders raise whatever a damaged file leads them to.
        raise InvalidPicture(
            f"The picture is damaged: it cannot be decoded ({type(error).__name__}).", remedy="Save it again."
        ) from error


def _refuse(image: Image.Image, limits: PictureLimits) -> None:
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise InvalidPicture(
            f"The picture has {image.width} x {image.height} pixels; the limit is {limits.max_pixels} in all "
            "(pictures.maxPicturePixels).",
            remedy="Scale it down.",
        )
    # Photos carry previews as further pictures (MPO): the first is the photo. Frames are not counted, which reads all.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise InvalidPicture(
            "The picture is animated: it has several frames.", remedy="Send one of them as a picture of its own."
        )


def _upright(image: Image.Image) -> Image.Image:
    """Apply the camera's orientation, and lay what is transparent over white."""
    turned = ImageOps.exif_transpose(_in_8_bits(image))
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        layered = turned.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
    return turned.convert("RGB")


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Scale greys of 16 bits, which Pillow would cut off at 255; a grey that stands for transparent becomes white."""
    transparent = image.info.get("transparency")
    if isinstance(transparent, tuple) and max(transparent) > _LARGEST_BYTE:
        # Pillow has scaled the colours of 16 bits, and left the one that stands for transparent as it was.
        image.info["transparency"] = tuple(part // 256 for part in transparent)
    if not image.mode.startswith("I"):
        return image
    greys = np.asarray(image)
    scaled = np.clip(greys // 256, 0, 255).astype(np.uint8)
    if isinstance(transparent, int):
        scaled[greys == transparent] = 255
    found = Image.fromarray(scaled)
    found.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return found


def _scaled(image: Image.Image, wanted: Preprocessing) -> NDArray[np.uint8]:
    side, filter_ = wanted.side, Image.Resampling(wanted.resample)
    if isinstance(wanted.scaled, int):
        image = _cut_to_aspect(image)
        short, long = sorted(image.size)
        edge, other = wanted.scaled, wanted.scaled * long // short
        scaled = image.resize((edge, other) if image.width <= image.height else (other, edge), filter_)
    else:
        scaled = image.resize(wanted.scaled, filter_)
    left, top = (scaled.width - side) // 2, (scaled.height - side) // 2
    # Outside of the picture, where its shorter side is less than the square's, is black, as in transformers.
    return np.array(scaled.crop((left, top, left + side, top + side)), dtype=np.uint8)


_MOST_ASPECT = 16
"""A strip longer than this is cut around its middle first: scaled whole, it would have millions of pixels."""


def _cut_to_aspect(image: Image.Image) -> Image.Image:
    short, long = sorted(image.size)
    if long <= _MOST_ASPECT * short:
        return image
    kept = _MOST_ASPECT * short
    if image.width > image.height:
        left = (image.width - kept) // 2
        return image.crop((left, 0, left + kept, image.height))
    top = (image.height - kept) // 2
    return image.crop((0, top, image.width, top + kept))
