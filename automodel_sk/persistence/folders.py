"""Replace folders atomically, and read them without trusting their content.

::

    my_model/
        automodel.json       the manifest; it names the folder of the content
        model-1a2b3c4d/      the content

The content is written under a new name, and the manifest is replaced last, in one step: if a save
is interrupted at any moment, the previous content stays intact. One process saves to a folder at a
time. Readers do not wait for it; they read again if the content was replaced meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from automodel_sk.data.wording import wording
from automodel_sk.exceptions import ModelFileError
from automodel_sk.persistence.folder_lock import locked
from automodel_sk.persistence.strict_json import MOST_BYTES, read_json

__all__ = ["FolderFormat"]

_Loaded = TypeVar("_Loaded")
_FREE_TRIES = 3


@dataclass(frozen=True)
class FolderFormat:
    """Names and versions of one kind of saved folder, with methods to write and read it.

    Parameters
    ----------
    name : str
        Value of ``"format"`` in the manifest.
    version : int
        Newest version that this release reads, and the one that it writes.
    oldest : int
        Oldest version that it reads.
    manifest : str
        File name of the manifest.
    content : str
        Prefix of the content folder's name; also its key in the manifest.
    subject : str
        What is saved, for messages.
    saver : str
        The call that saves it, for messages.
    """

    name: str
    version: int
    oldest: int
    manifest: str
    content: str
    subject: str
    saver: str

    def write(self, path: Path, write: Callable[[Path], Mapping[str, Any]]) -> Path:
        """Write or replace a folder in one step.

        Parameters
        ----------
        path : Path
            The folder.
        write : callable
            Writes the content into the new folder passed to it, and returns the rest of the
            manifest.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ModelFileError
            The path holds something else, or the folder cannot be written.
        """
        from safetensors import SafetensorError

        path = path.expanduser()
        try:
            self._check_target(path)
            path.mkdir(parents=True, exist_ok=True)
            with locked(path, self._lock_file):
                self._replace(path, write)
        except (OSError, SafetensorError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc)[:200]
            raise ModelFileError(
                f"{path} can't be written ({reason}); pass a writable folder on a disk with free"
                f" space, for example {self.content!r}"
            ) from exc
        return path

    def _replace(self, path: Path, write: Callable[[Path], Mapping[str, Any]]) -> None:
        """Write the new content, let the manifest name it, then remove the previous content."""
        name = f"{self.content}-{secrets.token_hex(4)}"
        draft = path / f".{self.manifest}.{name}"
        try:
            (path / name).mkdir()
            rest = write(path / name)
            head = {"format": self.name, "version": self.version, self.content: name}
            draft.write_text(self._text({**head, **rest}), encoding="utf-8")
            _settle([*(path / name).rglob("*"), path / name, draft])
        except BaseException:
            shutil.rmtree(path / name, ignore_errors=True)
            draft.unlink(missing_ok=True)
            raise
        draft.replace(path / self.manifest)
        _settle([path])
        self._remove_former(path, keep=name)

    def load(self, path: Path, restore: Callable[[dict[str, Any], Path], _Loaded]) -> _Loaded:
        """Read a folder, even if other processes save to it meanwhile.

        Parameters
        ----------
        path : Path
            The folder.
        restore : callable
            Builds the result from the manifest and the content folder.

        Raises
        ------
        ModelFileError
            The folder is damaged, of another version, or of another kind.
        """
        path = path.expanduser()
        for _ in range(_FREE_TRIES):
            manifest = self._read(path)
            try:
                return restore(manifest, self._content(path, manifest.get(self.content)))
            except (ModelFileError, OSError):
                # Another save may have removed the content during the read; the manifest shows
                # whether it did.
                if self._read(path).get(self.content) == manifest.get(self.content):
                    raise
        with locked(path, self._lock_file, shared=True):
            manifest = self._read(path)
            return restore(manifest, self._content(path, manifest.get(self.content)))

    @property
    def _lock_file(self) -> str:
        return f".{self.manifest}.lock"

    def _read(self, path: Path) -> dict[str, Any]:
        """Return the manifest of a folder."""
        file = path / self.manifest
        if path.is_file():
            raise ModelFileError(
                f"{path} is a file, but a {self.subject} is a folder; extract archives first"
            )
        if not file.is_file():
            raise ModelFileError(
                f"{path} holds no {self.subject}: {self.manifest} is missing; pass the folder"
                f" that {wording().how(self.saver, '`automodel-sk fit`')} wrote"
            )
        manifest = read_json(file)
        if not isinstance(manifest, dict) or manifest.get("format") != self.name:
            raise ModelFileError(f"{file} is not a {self.subject} of automodel_sk")
        self._check_version(file, manifest.get("version"))
        return manifest

    def _check_version(self, file: Path, version: Any) -> None:
        if type(version) is not int or not self.oldest <= version <= self.version:
            raise ModelFileError(
                f"{file} has format version {_short(version)}, this release reads"
                f" {self.oldest} to {self.version};"
                " update with: pip install --upgrade automodel_sk"
            )

    def _content(self, path: Path, name: Any) -> Path:
        """Return the content folder: it has a valid name, lies directly here, and is no link."""
        if not isinstance(name, str) or not self._names_content(name):
            raise ModelFileError(
                f"{path / self.manifest} names {_short(name)} as its content folder, which this"
                " package never writes"
            )
        folder = path / name
        if folder.is_symlink() or not folder.is_dir():
            raise ModelFileError(f"{folder} is missing or a link; save again with {self.saver}")
        return folder

    def _names_content(self, name: str) -> bool:
        return re.fullmatch(rf"{self.content}-[0-9a-f]{{8}}", name) is not None

    def _check_target(self, path: Path) -> None:
        """Raise if saving would mix with or replace something else."""
        foreign = path.is_file() or (
            path.is_dir()
            and not all(
                self._names_content(entry.name) or self.manifest in entry.name
                for entry in path.iterdir()
            )
        )
        if foreign:
            raise ModelFileError(
                f"{path} exists and is not a {self.subject}; pass an unused path, for example"
                f" {str(path) + '-' + self.content!r}"
            )

    def _text(self, manifest: Mapping[str, Any]) -> str:
        text = json.dumps(manifest)
        if len(text) > MOST_BYTES:
            raise ModelFileError(
                f"the {self.subject} describes itself in {len(text):,} bytes, more than the"
                f" {MOST_BYTES:,} that are read again; keep fewer trials"
            )
        return text

    def _remove_former(self, path: Path, keep: str) -> None:
        for entry in path.iterdir():
            if self._names_content(entry.name) and entry.name != keep:
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name.startswith(f".{self.manifest}.{self.content}-"):
                entry.unlink(missing_ok=True)


def _settle(paths: list[Path]) -> None:
    """Flush files and folders to disk before anything refers to them, in case of a power cut."""
    for path in paths:
        # Not every system can open folders; there only this extra safety is missing.
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _short(value: Any) -> str:
    """Return a value from a file as text that fits in a message."""
    return repr(value)[:100] if isinstance(value, (str, int, float, type(None))) else "a container"
