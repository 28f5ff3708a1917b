"""The library leaves as files: a complete pack that can be read, edited, checked and brought in again."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

from content.draft import FILE_KINDS, paths_of
from content.pictures import ASSETS_FOLDER
from content.written import ASSETS, SHAPES, ordered
from content.yaml_writer import write_entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from content.pack import Pack
    from content.written import Written

COMMENT: Final = "由 xiaohu content export 写出；改好后用 xiaohu content import 读回去。"


class NotExportable(ValueError):
    """The folder cannot take the pack; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    texts: int
    assets: int
    pictures: int


def export(folder: Path, pack: Pack, entries: Sequence[Written], pictures: Mapping[str, bytes]) -> Exported:
    """Write a complete pack: the library's texts and assets, and the running pack's other files as they are.

    The same library always gives the same bytes. The folder appears complete or not at all.

    Args:
        pictures: the bytes of every picture that an entry names, by digest.

    Raises:
        NotExportable: there is something in the folder, or a picture is missing.
        OSError: the folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotExportable(f"{folder} 里已经有东西；换一个空文件夹，或还不存在的名字")
    missing = [entry.key for entry in entries if entry.picture and entry.picture not in pictures]
    if missing:
        raise NotExportable(f"素材 {missing[0]} 的文件不在数据库里；在控制台给它换一个")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(work, pack, entries, pictures)
        if folder.exists():
            folder.rmdir()
        work.chmod(0o755)
        work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return Exported(
        texts=sum(entry.kind not in ASSETS for entry in entries),
        assets=sum(entry.kind in ASSETS for entry in entries),
        pictures=sum(bool(entry.picture) for entry in entries),
    )


def _write(root: Path, pack: Pack, entries: Sequence[Written], pictures: Mapping[str, bytes]) -> None:
    for source in _other_files(pack.root):
        target = root / source.relative_to(pack.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    files: defaultdict[tuple[str, str], list[Mapping[str, object]]] = defaultdict(list)
    taken: set[str] = set()
    for entry in entries:
        document = ordered(entry.document)
        if entry.picture:
            name = _free_name(str(document["file"]), entry, taken)
            document["file"] = name
            _put(root / ASSETS_FOLDER / name, pictures[entry.picture])
        files[entry.file, SHAPES[entry.kind].entries].append(document)
    for (file, name), documents in files.items():
        _put(root / file, write_entries(name, documents, comment=COMMENT).encode())


def _other_files(root: Path) -> Iterator[Path]:
    """Yield the pack's files that the library does not keep, e.g. ``personas.yaml``."""
    ours = {shape.file for shape in SHAPES.values()}
    for kind in FILE_KINDS:
        if kind.name not in ours:
            yield from (path for path in paths_of(kind, root) if path.is_file())


def _free_name(name: str, entry: Written, taken: set[str]) -> str:
    """Return a file name that no other picture has, on file systems that know no capitals either."""
    if name.casefold() in taken:
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem}-{entry.picture[:8]}{dot}{suffix}"
    taken.add(name.casefold())
    return name


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
