"""What greets newcomers of groups carries the library's picture of today, not the pack's of yesterday."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from content.library import keeping, pictures
from tests.acceptance.test_groups import EDIT_TEMPLATE
from tests.support.pack_factory import picture
from tests.support.quiet import quiet

if TYPE_CHECKING:
    from tests.support.clinic import Clinic

ASSET = "kids-brush-card"
NEWER = picture(200, 100)


async def test_a_picture_changed_in_the_library_changes_the_greeting_that_carries_it(clinic: Clinic) -> None:
    await clinic.runtime.group_care.keep()
    await quiet(clinic)
    digest, now = sha256(NEWER).hexdigest(), clinic.clock.now()
    async with clinic.runtime.database.write() as session:
        await pictures.keep(session, digest, NEWER, now=now)
        kept = await keeping.get(session, "asset", ASSET)
        entry = replace(kept.written, picture=digest)
        await keeping.save(session, entry, seen=kept.item.version, author="admin", now=now)

    for _ in range(2):
        await clinic.runtime.group_care.keep()
        await quiet(clinic)

    (changed,) = clinic.journal(EDIT_TEMPLATE)
    assert clinic.tenant.media.find(changed.body["image"]["media_id"]).blob == NEWER
