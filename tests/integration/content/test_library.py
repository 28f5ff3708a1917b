"""The library: what comes in from files, what staff change, what goes out as files again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from content.library import keeping, pictures
from content.library.exporting import NotExportable, export
from content.library.importing import Taken, bring_in, keep_up
from content.library.tables import LibraryPicture
from content.library.view import Library, entries
from content.loader import load_pack
from content.written import Written
from store.database import Database
from store.schema import upgrade
from tests.support.films import film
from tests.support.pack_factory import FILES, picture

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack
    from tests.support.pack_factory import PackFolder

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
RAIN = "moment.assistant.rain"
NEWER = "雨天路滑，慢慢走，伞放门口就好。"


async def current(database: Database, pack: Pack) -> Pack:
    return await Library(database, pack).current()


async def edit(database: Database, key: str, **changes: object) -> keeping.Kept:
    """Change a text as staff do."""
    async with database.write() as session:
        kept = await keeping.get(session, "text", key)
        document = {**kept.version.document, **changes}
        entry = Written(kind=kept.item.kind, key=key, file=kept.item.file, document=document)
        return await keeping.save(session, entry, seen=kept.item.version, author="陈静", now=NOW)


def text_of(pack: Pack, key: str) -> str:
    return next(item.text for item in (*pack.moments, *pack.group_posts) if item.key == key)


def newer(folder: PackFolder) -> Pack:
    """The pack with another wording of one text."""
    folder.change("moments/daily.yaml", "伞放门口就好。", "伞放在门口。")
    return load_pack(folder.root)


async def written_out(database: Database, pack: Pack, target: Path) -> dict[str, bytes]:
    """Export the library and return every file's bytes."""
    async with database.read() as session:
        kept = await entries(session)
        rows = await session.execute(select(LibraryPicture.sha256, LibraryPicture.data))
        pictures = {row.sha256: row.data for row in rows}
    export(target, pack, kept, pictures)
    return bytes_of(target)


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class TestComingIn:
    async def test_before_anything_came_in_the_pack_stands_as_its_files_say(
        self, database: Database, folder: PackFolder
    ) -> None:
        pack = load_pack(folder.root)

        assert await current(database, pack) is pack

    async def test_the_pack_comes_in_once(self, database: Database, folder: PackFolder) -> None:
        pack = load_pack(folder.root)

        first = await keep_up(database, pack, now=NOW)
        second = await keep_up(database, pack, now=NOW)

        assert (first, second) == (Taken(new=6), Taken())
        view = await current(database, pack)
        assert (view.moments, view.group_posts) == (pack.moments, pack.group_posts)
        assert view.assets == pack.assets

    async def test_what_nobody_touched_follows_the_pack(self, database: Database, folder: PackFolder) -> None:
        await keep_up(database, load_pack(folder.root), now=NOW)
        pack = newer(folder)

        assert await keep_up(database, pack, now=NOW) == Taken(changed=1)
        assert "伞放在门口。" in text_of(await current(database, pack), RAIN)
        async with database.read() as session:
            versions = await keeping.history(session, "text", RAIN)
        assert [(v.number, v.origin, v.author) for v in versions] == [
            (2, "pack", "内容包 tiny 1.0"),
            (1, "pack", "内容包 tiny 1.0"),
        ]

    async def test_what_staff_edited_stays_and_the_packs_wording_is_offered(
        self, database_anywhere: Database, folder: PackFolder
    ) -> None:
        database = database_anywhere
        await keep_up(database, load_pack(folder.root), now=NOW)
        await edit(database, RAIN, text=NEWER)
        pack = newer(folder)

        assert await keep_up(database, pack, now=NOW) == Taken(offered=1)
        assert text_of(await current(database, pack), RAIN) == NEWER

        async with database.write() as session:
            taken = await keeping.take_offer(session, "text", RAIN, seen=2, author="陈静", now=NOW)
        assert "伞放在门口。" in taken.version.document["text"]
        assert not taken.edited
        assert await keep_up(database, pack, now=NOW) == Taken()

    async def test_a_declined_wording_is_not_offered_again(
        self, database: Database, folder: PackFolder
    ) -> None:
        await keep_up(database, load_pack(folder.root), now=NOW)
        await edit(database, RAIN, text=NEWER)
        pack = newer(folder)
        await keep_up(database, pack, now=NOW)

        async with database.write() as session:
            await keeping.decline_offer(session, "text", RAIN)

        assert await keep_up(database, pack, now=NOW) == Taken()
        assert text_of(await current(database, pack), RAIN) == NEWER

    async def test_what_leaves_the_pack_is_put_away_and_comes_back_with_it(
        self, database_anywhere: Database, folder: PackFolder
    ) -> None:
        database = database_anywhere
        await keep_up(database, load_pack(folder.root), now=NOW)
        folder.write("groups/community.yaml", "items: []\n")
        without = load_pack(folder.root)

        assert await keep_up(database, without, now=NOW) == Taken(retired=1)
        assert (await current(database, without)).group_posts == ()
        assert await keep_up(database, without, now=NOW) == Taken()

        folder.write("groups/community.yaml", FILES["groups/community.yaml"])
        back = load_pack(folder.root)
        assert await keep_up(database, back, now=NOW) == Taken(changed=1)
        assert [item.key for item in (await current(database, back)).group_posts] == ["group.community.hello"]

    async def test_a_picture_of_the_pack_is_kept_by_its_bytes(
        self, database: Database, folder: PackFolder
    ) -> None:
        old = load_pack(folder.root)
        await keep_up(database, old, now=NOW)
        folder.write_bytes("assets/brush.png", picture(50, 50))
        new = load_pack(folder.root)
        await keep_up(database, new, now=NOW)

        library = Library(database, new)
        assert await library.picture("booking") == picture(50, 50)
        # What was approved is still there, though its file is gone.
        assert await library.picture("brush-card", sha256=old.asset("brush-card").sha256) == picture()


class TestChanging:
    async def test_a_version_seen_too_early_overwrites_nothing(
        self, database: Database, folder: PackFolder
    ) -> None:
        await keep_up(database, load_pack(folder.root), now=NOW)
        kept = await edit(database, RAIN, text=NEWER)

        async with database.write() as session:
            with pytest.raises(keeping.Overtaken, match="陈静 改成第 2 版"):
                await keeping.save(session, kept.written, seen=1, author="张伟", now=NOW)

    async def test_the_same_words_again_make_no_version(self, database: Database, folder: PackFolder) -> None:
        await keep_up(database, load_pack(folder.root), now=NOW)

        await edit(database, RAIN, text=NEWER)
        kept = await edit(database, RAIN, text=NEWER)

        assert kept.item.version == 2

    async def test_the_packs_own_words_written_again_make_it_follow_the_pack(
        self, database: Database, folder: PackFolder
    ) -> None:
        pack = load_pack(folder.root)
        await keep_up(database, pack, now=NOW)
        await edit(database, RAIN, text=NEWER)
        await edit(database, RAIN, text=text_of(pack, RAIN))

        assert await keep_up(database, newer(folder), now=NOW) == Taken(changed=1)

    async def test_a_retired_text_is_not_drawn_until_it_is_restored(
        self, database: Database, folder: PackFolder
    ) -> None:
        pack = load_pack(folder.root)
        await keep_up(database, pack, now=NOW)
        library = Library(database, pack)

        for state, seen in (("retired", 1), ("active", 2)):
            async with database.write() as session:
                await keeping.put_away(session, "text", RAIN, state=state, seen=seen, author="陈静", now=NOW)
            keys = [item.key for item in (await library.current()).moments]
            assert (RAIN in keys) == (state == "active")

    async def test_a_text_past_its_last_day_is_not_drawn(
        self, database: Database, folder: PackFolder
    ) -> None:
        pack = load_pack(folder.root)
        await keep_up(database, pack, now=NOW)
        await edit(database, RAIN, expires_on="2026-11-30")

        item = next(i for i in (await current(database, pack)).moments if i.key == RAIN)

        last = datetime(2026, 11, 30, tzinfo=UTC).date()
        assert item.timely(last)
        assert not item.timely(last + timedelta(days=1))

    async def test_a_text_that_the_pack_cannot_fill_in_is_left_out(
        self, database: Database, folder: PackFolder
    ) -> None:
        pack = load_pack(folder.root)
        await keep_up(database, pack, now=NOW)
        await edit(database, RAIN, text="停车在{{ clinic.parking }}。")

        assert RAIN not in [item.key for item in (await current(database, pack)).moments]

    async def test_what_staff_made_is_deleted_unless_somebody_uses_it(
        self, database: Database, folder: PackFolder
    ) -> None:
        await keep_up(database, load_pack(folder.root), now=NOW)
        document = {"key": "moment.own", "category": "日常", "for": ["assistant"], "text": "今天天气好。"}
        entry = Written(kind="moment", key="moment.own", file="", document=document)
        async with database.write() as session:
            await keeping.add(session, entry, author="陈静", now=NOW)
            with pytest.raises(keeping.KeyTaken):
                await keeping.add(session, entry, author="陈静", now=NOW)

        async with database.write() as session:
            with pytest.raises(keeping.StillUsed, match="旅程“新朋友”"):
                await keeping.delete(session, "text", "moment.own", users=["旅程“新朋友”第 2 步"])
            with pytest.raises(keeping.StillUsed, match="只能停用"):
                await keeping.delete(session, "text", RAIN, users=[])
            await keeping.delete(session, "text", "moment.own", users=[])
        async with database.read() as session:
            with pytest.raises(keeping.NotInLibrary):
                await keeping.get(session, "text", "moment.own")


class TestGoingOut:
    async def test_the_dental_pack_goes_out_comes_in_and_goes_out_the_same(
        self, database: Database, pack: Pack, tmp_path: Path
    ) -> None:
        await keep_up(database, pack, now=NOW)
        first = await written_out(database, pack, tmp_path / "first")
        again = load_pack(tmp_path / "first")

        assert [(w.kind, w.key, w.digest) for w in again.written] == [
            (w.kind, w.key, w.digest) for w in pack.written
        ]
        assert await bring_in(database, again, now=NOW, author="test") == Taken()
        assert await written_out(database, again, tmp_path / "second") == first

    async def test_everything_staff_made_of_it_survives_the_way_to_another_database(
        self, database_anywhere: Database, folder: PackFolder, tmp_path: Path
    ) -> None:
        database = database_anywhere
        pack = load_pack(folder.root)
        await keep_up(database, pack, now=NOW)
        await edit(database, RAIN, text=NEWER, tags=["来源/抖音"], age={"below": 30}, expires_on="2027-01-31")
        async with database.write() as session:
            await keeping.put_away(
                session, "text", "moment.doctor.brush", state="retired", seen=1, author="陈静", now=NOW
            )
            document = {
                "key": "moment.own",
                "category": "日常",
                "for": ["assistant"],
                "text": "第一行\n第二行",
            }
            entry = Written(kind="moment", key="moment.own", file="", document=document)
            await keeping.add(session, entry, author="陈静", now=NOW)
            digest = sha256(film()).hexdigest()
            await pictures.keep(session, digest, film(), now=NOW)
            document = {"key": "own-video", "kind": "video", "file": "own-video.mp4"}
            entry = Written(kind="video", key="own-video", file="", document=document, picture=digest)
            await keeping.add(session, entry, author="陈静", now=NOW)
        first = await written_out(database, pack, tmp_path / "first")
        other = Database(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
        await upgrade(other)
        await keep_up(other, pack, now=NOW)

        taken = await bring_in(other, load_pack(tmp_path / "first"), now=NOW, author="test")

        assert taken == Taken(new=2, changed=2)
        assert first["assets/own-video.mp4"] == film()
        assert await written_out(other, pack, tmp_path / "second") == first
        await other.close()

    async def test_a_folder_that_holds_something_is_left_alone(
        self, database: Database, folder: PackFolder
    ) -> None:
        pack = load_pack(folder.root)

        with pytest.raises(NotExportable, match="换一个空文件夹"):
            export(folder.root, pack, [], {})
