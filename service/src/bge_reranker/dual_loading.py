"""From a dual encoder's folder to what reads texts and pictures and what scores them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from .checkpoint_files import CONFIG_FILE
from .checkpoint_json import read_json_object
from .engine.scorer import Scorer
from .errors import SettingsError
from .model.checkpoint.folder import read_checkpoint
from .model.families.dual import DUAL_ARCHITECTURES, read_dual_sizes
from .model.load import load_dual
from .settings import PicturesSettings, Settings
from .vision.encoder import DualEncoder, Towers
from .vision.fetching import PictureFetcher
from .vision.limits import PictureLimits
from .vision.preprocessing import Preprocessing
from .vision.sources import FetchPicture


def is_dual(directory: Path) -> bool:
    """Whether config.json names a dual encoder; what is wrong with it otherwise is found when it is loaded."""
    path = directory / CONFIG_FILE
    names = read_json_object(path).get("architectures") if path.is_file() else None
    return isinstance(names, list) and len(names) == 1 and names[0] in DUAL_ARCHITECTURES


def load_dual_encoder(directory: Path, settings: Settings) -> tuple[DualEncoder, Scorer]:
    """Load both halves.

    Raises:
        ModelError: If the checkpoint cannot be served; the subclass and its remedy say why.
        SettingsError: If a library is not installed.
    """
    checkpoint = read_checkpoint(directory)
    sizes = read_dual_sizes(checkpoint.config)
    processing = Preprocessing.read(directory, sizes.side)
    if find_spec("PIL") is None:
        raise SettingsError(
            f"Pillow is not installed, which decodes the pictures that {checkpoint.architecture} reads.",
            remedy="Install bge-reranker[vision].",
        )
    scorer = load_dual(checkpoint, settings.model, processing.mean, processing.std)
    pictures = settings.pictures
    encoder = DualEncoder.from_directory(
        directory,
        Towers(sizes.text_tokens, sizes.picture_tokens, sizes.side),
        PictureLimits(pictures.max_picture_bytes, pictures.max_picture_pixels),
        _fetcher(pictures),
    )
    return encoder, scorer


def _fetcher(settings: PicturesSettings) -> FetchPicture | None:
    if settings.fetch_pictures == "off":
        return None
    return PictureFetcher(
        settings.max_picture_bytes, settings.picture_timeout_s, is_public=settings.fetch_pictures == "public"
    ).fetch
