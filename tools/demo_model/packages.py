"""The Debian packages whose texts train and test the demonstration model, and how they reach this machine."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Split = Literal["train", "validation", "test"]
TextFormat = Literal["html", "mallard", "man", "dict", "gettext"]


@dataclass(frozen=True)
class TextSource:
    """One package's texts of one format.

    Attributes:
        package: Debian binary package.
        licence: Licence of the texts, as the package's copyright file names it.
        split: A package is in one split only, in both languages, so that no held-out text is ever trained on.
        text_format: Which reader understands the files.
        pattern: Glob under the unpacked package, sorted before use.
    """

    package: str
    licence: str
    split: Split
    text_format: TextFormat
    pattern: str


_GETTEXT = "usr/share/locale/zh_CN/LC_MESSAGES/*.mo"

TEXT_SOURCES: tuple[TextSource, ...] = (
    TextSource("dict-wn", "WordNet", "train", "dict", "usr/share/dictd/wn.index"),
    TextSource("dict-foldoc", "GFDL-1.1+", "train", "dict", "usr/share/dictd/foldoc.index"),
    TextSource("dict-jargon", "public domain", "train", "dict", "usr/share/dictd/jargon.index"),
    TextSource("dict-vera", "GFDL-1.1+", "train", "dict", "usr/share/dictd/vera.index"),
    TextSource("manpages-zh", "GFDL-1.2+ and the pages' own", "train", "man", "usr/share/man/zh_CN/man*/*.gz"),
    TextSource(
        "manpages",
        "the pages' own (GPL-2+, copyleft notices)",
        "train",
        "man",
        "usr/share/man/man*/*.gz",
    ),
    TextSource(
        "manpages-dev",
        "the pages' own (GPL-2+, copyleft notices)",
        "train",
        "man",
        "usr/share/man/man*/*.gz",
    ),
    TextSource("coreutils", "GPL-3+", "train", "man", "usr/share/man/man1/*.gz"),
    TextSource("git-man", "GPL-2", "train", "man", "usr/share/man/man*/*.gz"),
    TextSource("debian-reference-zh-cn", "GPL-2+", "train", "html", "usr/share/debian-reference/*.html"),
    TextSource("debian-reference-en", "GPL-2+", "train", "html", "usr/share/debian-reference/*.en.html"),
    TextSource("libreoffice-help-zh-cn", "MPL-2.0", "train", "html", "usr/share/libreoffice/help/zh-CN/text/**/*.html"),
    TextSource("libreoffice-help-en-us", "MPL-2.0", "train", "html", "usr/share/libreoffice/help/en-US/text/**/*.html"),
    TextSource("gimp-help-zh-cn", "GFDL-1.2+", "train", "html", "usr/share/gimp/2.0/help/zh_CN/*.html"),
    TextSource("gimp-help-en", "GFDL-1.2+", "train", "html", "usr/share/gimp/2.0/help/en/*.html"),
    TextSource("kicad-doc-zh", "GPL-2+ or CC-BY-SA-3.0", "train", "html", "usr/share/doc/kicad/help/zh/*.html"),
    TextSource("lilypond-doc-html-zh", "GFDL-1.3+", "train", "html", "usr/share/doc/lilypond/html/**/*.zh.html"),
    TextSource("linuxcnc-doc-zh-cn", "GFDL-1.1+", "train", "html", "usr/share/doc/linuxcnc/*_zh_CN.html"),
    TextSource("linux-doc-6.1", "GPL-2", "train", "html", "usr/share/doc/linux-doc-6.1/html/**/*.html"),
    TextSource("python3.11-doc", "PSF-2", "train", "html", "usr/share/doc/python3.11/html/[lthf]*/*.html"),
    TextSource("postgresql-doc-15", "PostgreSQL", "train", "html", "usr/share/doc/postgresql-doc-15/html/*.html"),
    TextSource("debian-policy", "GPL-2+", "train", "html", "usr/share/doc/debian-policy/policy.html/*.html"),
    TextSource("evolution-common", "CC-BY-SA-3.0", "train", "mallard", "usr/share/help/C/evolution/*.page"),
    TextSource("evolution-common", "LGPL-2 or LGPL-3", "train", "gettext", _GETTEXT),
    TextSource("iso-codes", "LGPL-2.1+", "train", "gettext", _GETTEXT),
    TextSource("gnucash-common", "GPL-2+", "train", "gettext", _GETTEXT),
    TextSource("gimp-data", "GPL-3+ and others", "train", "gettext", _GETTEXT),
    TextSource("inkscape", "GPL", "train", "gettext", _GETTEXT),
    TextSource("stellarium-data", "GPL-2+", "train", "gettext", _GETTEXT),
    TextSource("cinnamon-l10n", "GPL-2+", "train", "gettext", _GETTEXT),
    TextSource("digikam-data", "GPL-2+", "train", "gettext", _GETTEXT),
    TextSource("krita-l10n", "GPL and LGPL", "train", "gettext", _GETTEXT),
    TextSource("vlc-l10n", "GPL-2+", "train", "gettext", _GETTEXT),
    TextSource(
        "debian-faq-zh-cn", "own copyleft notice", "validation", "html", "usr/share/doc/debian/FAQ/zh-cn/*.html"
    ),
    TextSource("debian-faq", "own copyleft notice", "validation", "html", "usr/share/doc/debian/FAQ/*.en.html"),
    TextSource(
        "installation-guide-amd64",
        "GPL-2",
        "validation",
        "html",
        "usr/share/doc/installation-guide-amd64/zh_CN/*.html",
    ),
    TextSource(
        "installation-guide-amd64", "GPL-2", "validation", "html", "usr/share/doc/installation-guide-amd64/en/*.html"
    ),
    TextSource(
        "debian-handbook", "CC-BY-SA-3.0 or GPL-2+", "test", "html", "usr/share/doc/debian-handbook/html/zh-CN/*.html"
    ),
    TextSource(
        "debian-handbook", "CC-BY-SA-3.0 or GPL-2+", "test", "html", "usr/share/doc/debian-handbook/html/en-US/*.html"
    ),
    TextSource("gnome-user-docs", "CC-BY-SA-3.0", "test", "mallard", "usr/share/help/zh_CN/gnome-help/*.page"),
    TextSource("gnome-user-docs", "CC-BY-SA-3.0", "test", "mallard", "usr/share/help/C/gnome-help/*.page"),
)
"""Every source. Debian packages are used for their texts; nothing of them is installed or committed."""


def package_names(splits: tuple[Split, ...]) -> list[str]:
    """Lists the packages of these splits, sorted and without repeats."""
    return sorted({source.package for source in TEXT_SOURCES if source.split in splits})


def fetch_packages(names: list[str], cache: Path) -> None:
    """Downloads the packages with `apt-get download` and unpacks them below the cache.

    Unpacking instead of installing needs no root rights, pulls in no dependencies, and works in slim images, whose
    dpkg is told to leave documentation out.

    Args:
        names: Debian binary packages.
        cache: The pipeline's cache folder.

    Raises:
        subprocess.CalledProcessError: apt or dpkg refused; `apt-get update` was perhaps never run.
    """
    downloads = cache / "deb"
    downloads.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not unpacked(name, cache).is_dir()]
    if missing:
        _run("apt-get", "download", "-q", *missing, folder=downloads)
    for name in missing:
        archive = max(downloads.glob(f"{name}_*.deb"), key=lambda path: path.stat().st_mtime)
        partial = unpacked(name, cache).with_suffix(".partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        _run("dpkg-deb", "-x", str(archive), str(partial), folder=downloads)
        partial.rename(unpacked(name, cache))


def unpacked(package: str, cache: Path) -> Path:
    """Returns the folder into which a package is unpacked."""
    return cache / "unpacked" / package


def package_version(package: str, cache: Path) -> str:
    """Reads a downloaded package's version from its archive."""
    archive = max((cache / "deb").glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
    return _run("dpkg-deb", "-f", str(archive), "Version", folder=archive.parent).strip()


def _run(*command: str, folder: Path) -> str:
    """Runs one of Debian's tools, found on the path, and returns what it printed."""
    finished = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - fixed
    return finished.stdout


def source_files(source: TextSource, cache: Path) -> Iterator[Path]:
    """Yields a source's files in a stable order."""
    yield from sorted(unpacked(source.package, cache).glob(source.pattern))
