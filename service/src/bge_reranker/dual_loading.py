"""From a dual encoder's folder to what reads texts and pictures and what scores them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from .checkpoint_files import CONFIG_FILE
from .checkpoint_json import USE_PUBLISHED, read_json_object
from .engine.scorer import Scorer
from .errors import CorruptFile, SettingsError
from .model.checkpoint.folder import read_checkpoint
from .model.families.dual import DualInputs, dual_architecture, read_dual_sizes
from .model.load import load_dual
from .settings import PicturesSettings, Settings
from .text.tokenizer_folder import SingleTextTokenizer, refuse_larger_ids
from .vision.encoder import DualEncoder, Towers
from .vision.fetching import PictureFetcher
from .vision.image_processor import read_preprocessing
from .vision.limits import PictureLimits
from .vision.preprocessing import Preprocessing
from .vision.reader import PictureReader
from .vision.sources import FetchPicture

_PACKAGES = {"torch": "torch", "transformers": "transformers", "PIL": "Pillow"}
"""What dual encoders need that other models do not, by the name that is imported."""


def is_dual(directory: Path) -> bool:
    """Whether config.json names a dual encoder; what is wrong with it otherwise is found when it is loaded."""
    path = directory / CONFIG_FILE
    return path.is_file() and dual_architecture(read_json_object(path)) is not None


def load_dual_encoder(directory: Path, settings: Settings) -> tuple[DualEncoder, Scorer]:
    """Load both halves.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If a library is not installed.
    """
    checkpoint = read_checkpoint(directory)
    require_packages(checkpoint.architecture, lambda name: find_spec(name) is not None)
    sizes = read_dual_sizes(checkpoint.config)
    processing = read_preprocessing(directory, sizes.side, str(checkpoint.config["model_type"]))
    texts = SingleTextTokenizer.read(directory)
    pad_id = sizes.pad_id if texts.pad_id is None else texts.pad_id
    scorer = load_dual(checkpoint, settings.model, DualInputs(processing.mean, processing.std, pad_id))
    try:
        _refuse_other_tokenizer(texts, scorer.description.vocabulary_size)
    except CorruptFile:
        scorer.close()
        raise
    towers = Towers(sizes.text_tokens, sizes.picture_tokens, sizes.side)
    return DualEncoder(texts.tokenizer, towers, _reader(settings.pictures, processing)), scorer


def refuse_dual_before_weights(directory: Path) -> None:
    """Refuse what `load_dual_encoder` would, as far as no weights have to be read for it.

    Raises:
        ModelError: If the checkpoint cannot be served.
        SettingsError: If a library is not installed.
    """
    checkpoint = read_checkpoint(directory)
    require_packages(checkpoint.architecture, lambda name: find_spec(name) is not None)
    side = read_dual_sizes(checkpoint.config).side
    read_preprocessing(directory, side, str(checkpoint.config["model_type"]))
    SingleTextTokenizer.read(directory)


def require_packages(architecture: str, is_installed: Callable[[str], bool]) -> None:
    """Make sure that everything is installed that a dual encoder needs.

    Args:
        architecture: Which one asks.
        is_installed: Whether a package can be imported.

    Raises:
        SettingsError: If something is missing.
    """
    if missing := [package for name, package in _PACKAGES.items() if not is_installed(name)]:
        raise SettingsError(
            f"{architecture} is a dual encoder for pictures and texts, which needs {', '.join(missing)}: not installed "
            "here.",
            remedy="Install bge-reranker[torch,vision], or run the image with torch, whose tag does not end in -cpu.",
        )


def _refuse_other_tokenizer(texts: SingleTextTokenizer, rows: int | None) -> None:
    if rows is not None:
        refuse_larger_ids(texts.largest_id, rows)
    if not texts.tokenizer.encode_single([""])[0].ids:
        raise CorruptFile(
            "tokenizer.json adds no token to the end of a text; the model's text network looks for one.",
            remedy=USE_PUBLISHED,
        )


def _reader(settings: PicturesSettings, processing: Preprocessing) -> PictureReader:
    # Pillow need not be installed where no dual encoder is served.
    from .vision.decoding import decode  # noqa: PLC0415 - see above

    limits = PictureLimits(settings.max_picture_bytes, settings.max_picture_pixels)
    return PictureReader(
        partial(decode, limits=limits, wanted=processing), settings.max_picture_bytes, _fetcher(settings)
    )


def _fetcher(settings: PicturesSettings) -> FetchPicture | None:
    if settings.fetch_pictures == "off":
        return None
    return PictureFetcher(
        settings.max_picture_bytes, settings.picture_timeout_s, is_public_only=settings.fetch_pictures == "public"
    ).fetch
