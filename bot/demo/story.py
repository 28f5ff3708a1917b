"""The story, step by step. Whatever is told is verified on the phones, in WeCom's journal or by the API."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bot.demo.stage import ZONE, DidNotHappen
from sop.life import LABELS, PostState

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.demo.narrator import Narrator
    from bot.demo.stage import Stage

WELCOME: Final = "externalcontact/send_welcome_msg"
MOMENT: Final = "externalcontact/add_moment_task"
MASS: Final = "externalcontact/add_msg_template"
REMIND: Final = "externalcontact/remind_groupmsg_send"
WEEKDAYS: Final = "一二三四五六日"

Post = dict[str, Any]


async def play(stage: Stage, narrator: Narrator) -> dict[str, str]:
    """Play the five steps; return phones worth looking at, by name.

    Raises:
        DidNotHappen: a step did not happen.
    """
    patient, of_doctor = await greet(stage, narrator)
    posts = await plan(stage, narrator)
    rejected = await review(stage, narrator, posts)
    await push(stage, narrator, rejected)
    return {
        "晓晴（患者）": f"patients/{patient}",
        "阿远（张医生的患者）": f"patients/{of_doctor}",
        "小护（小助理）": "members/xiaohu",
        "张医生": "members/zhang.wei",
        "赵敏（张医生的医助）": "members/zhao.min",
    }


async def greet(stage: Stage, narrator: Narrator) -> tuple[str, str]:
    """Step 1: two patients are greeted by two voices, tagged, and nobody is greeted twice."""
    narrator.chapter("一、新朋友：欢迎与标签")
    narrator.tell("晓晴在前台扫了小护的码（state=front-desk），企业微信发来加密回调。")
    patient = (await stage.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴"))[
        "external_userid"
    ]
    welcome = await _welcome(stage, patient, "xiaohu")
    narrator.quote("晓晴的手机 · 小护", welcome[0]["text"])
    if "晓晴" not in welcome[0]["text"]:
        raise DidNotHappen("欢迎语里没有叫出晓晴的名字")
    cards = [message for message in welcome if message["kind"] in ("link", "miniprogram")]
    if not cards:
        raise DidNotHappen("欢迎语没有带卡片")
    narrator.seen(f"叫出了她的名字，并附上卡片“{cards[0]['payload'].get('title', '')}”")

    async def tagged() -> Any:
        return [tag["name"] for tag in (await _chat(stage, patient, "xiaohu"))["follow"]["tags"]]

    tags = await stage.until(tagged, what="渠道标签没有打上")
    narrator.seen(f"企业标签已打上：{'、'.join(tags)}")

    narrator.tell("阿远扫了张医生的名片。")
    other = (await stage.act("patient-adds-member", userid="zhang.wei", state="dr-zhang-card", name="阿远"))[
        "external_userid"
    ]
    doctor = await _welcome(stage, other, "zhang.wei")
    narrator.quote("阿远的手机 · 张医生", doctor[0]["text"])
    if doctor[0]["text"] == welcome[0]["text"] or "张医生" not in doctor[0]["text"]:
        raise DidNotHappen("医生的欢迎语没有用医生的口吻")
    narrator.seen("医生用自己的口吻说话，不推销")

    narrator.tell("企业微信把同一个回调又送了一遍。")
    await stage.redeliver()
    await stage.runtime.worker.drain()
    await stage.runtime.courier.drain()
    if len(await stage.calls(WELCOME)) != 2:
        raise DidNotHappen("重复的回调让人收到了两次欢迎")
    narrator.seen("没有人被欢迎两次")
    return str(patient), str(other)


async def plan(stage: Stage, narrator: Narrator) -> list[Post]:
    """Step 2: at Monday 08:30 the clockwork drafts the week by itself."""
    narrator.chapter("二、周一 08:30：排好一周的内容")
    stage.clock.advance_to(_local(stage, "08:30"))
    narrator.tell("时钟走到 08:30，定时任务从内容包里排出这一周。")

    async def drafted() -> list[Post]:
        # A journey asks on its own account for posts to one patient, and may be sooner than the week.
        posts = await _posts(stage)
        return posts if any(post["kind"] == "moment" for post in posts) else []

    posts: list[Post] = await stage.until(drafted, what="这一周没有排出来")
    names = {persona.key: persona.name for persona in stage.pack.personas}
    rows = []
    for key, name in names.items():
        own = [post for post in posts if post["persona"] == key]
        days = {_hour(post).isoweekday() for post in own if post["kind"] == "moment"}
        if days != set(range(1, 8)):
            raise DidNotHappen(f"{name}的朋友圈没有排满七天")
        kinds = Counter(post["kind"] for post in own)
        mix = Counter(post["category"] for post in own)
        what = "、".join(f"{category} {n}" for category, n in mix.most_common())
        rows.append((name, f"{kinds['moment']} 条", f"{kinds['group']} 条", what))
    narrator.table(("人设", "朋友圈", "客户群", "内容"), rows)
    chats = {chat for post in posts if post["kind"] == "group" for chat in post["audience"]["chat_ids"]}
    if len(chats) != 3:
        raise DidNotHappen("不是每个客户群都有内容")
    narrator.seen(f"共 {len(posts)} 条：每个人设七天都有，三个客户群都有")
    if any(post["category"] == "活动" for post in posts if post["persona"].startswith("doctor")):
        raise DidNotHappen("医生账号排进了活动")
    narrator.seen("医生账号没有一条活动")
    return posts


async def review(stage: Stage, narrator: Narrator, posts: list[Post]) -> Post:
    """Step 3: reviewed on the card and in the console; what cannot decide says so. Return a rejected post."""
    narrator.chapter("三、审核：卡片上点，或在控制台点")
    card = await _card(stage, "zhao.min", "张医生")
    narrator.tell("赵敏（张医生的医助）收到一张审核卡片，点了“全部通过”。")
    await stage.act("tap-card", userid="zhao.min", task_id=card["task_id"], key="approve")
    await _card_says(stage, "zhao.min", card["task_id"], "已通过")
    await _card_says(stage, "zhang.wei", card["task_id"], "赵敏")
    narrator.seen("卡片变成“已通过”，张医生手机上的那张也说明是赵敏处理的")

    narrator.tell("赵敏又点了一次“全部退回”；不相干的李医生也点了一下。")
    await stage.act("tap-card", userid="zhao.min", task_id=card["task_id"], key="reject")
    await _card_says(stage, "zhao.min", card["task_id"], "已处理过")
    await stage.act("tap-card", userid="li.na", task_id=card["task_id"], key="reject")
    await _card_says(stage, "li.na", card["task_id"], "没有审核权限")
    if {post["state"] for post in await _posts(stage, persona="doctor-zhang")} != {PostState.APPROVED}:
        raise DidNotHappen("不该有效的点击改变了内容")
    narrator.seen("两次都没有改变任何内容，卡片上写明了原因")

    old = await _card(stage, "sun.yue", "李医生")
    edited = _pick(posts, "李医生的内容", lambda p: bool(p["persona"] == "doctor-li"))
    narrator.tell("有人改了李医生的一条内容，孙悦手里的卡片过时了，她还是点了“全部通过”。")
    await stage.api("PATCH", f"/posts/{edited['id']}", {"text": edited["text"] + "\n有问题随时留言。"})
    await stage.act("tap-card", userid="sun.yue", task_id=old["task_id"], key="approve")
    await _card_says(stage, "sun.yue", old["task_id"], "内容已更新")
    if await _posts(stage, persona="doctor-li", state="approved"):
        raise DidNotHappen("旧卡片通过了新内容")
    narrator.seen("旧卡片不算数，内容仍待审核")
    stage.clock.advance(timedelta(seconds=61))

    async def newer() -> Any:
        latest = await _card(stage, "li.na", "李医生")
        return latest if latest["task_id"] != old["task_id"] else None

    fresh = await stage.until(newer, what="没有发出新版本的卡片")
    await stage.act("tap-card", userid="li.na", task_id=fresh["task_id"], key="approve")
    await _card_says(stage, "li.na", fresh["task_id"], "已通过")
    narrator.seen("新卡片送到，李医生本人点了通过")

    await stage.sign_in()
    own = [post for post in posts if post["persona"] == "assistant"]
    rejected = _pick(own, "小护的朋友圈", lambda _: True, kind="moment")
    batch = f"/console/review/{rejected['batch_id']}"
    narrator.tell("店长登录控制台：退回小护的一条，其余全部通过。")
    await stage.click(
        batch,
        f"/console/posts/{rejected['id']}/reject",
        ("digest", rejected["digest"]),
        ("reason", "这周不发这条"),
        ("back", batch),
    )
    await _reaches(stage, rejected, PostState.REJECTED)
    await _approve_in_console(stage, batch, [post for post in own if post is not rejected])
    narrator.seen(f"退回 1 条，通过 {len(own) - 1} 条，每个决定都记在审计里")
    return rejected


async def push(stage: Stage, narrator: Narrator, rejected: Post) -> None:
    """Steps 4 and 5: each approved post becomes a task at its hour; members tap; results come in."""
    narrator.chapter("四、到点：创建任务，提醒，点发送")
    posts = await _posts(stage, state="approved")
    mass = _pick(
        posts, "白天的群消息", lambda p: p["sender"] == "xiaohu" and 9 <= _hour(p).hour < 15, kind="group"
    )
    await _walk_to(stage, mass)
    narrator.tell("到了发送时间：企业微信里出现一个群发任务，等小护点发送。")
    narrator.seen("群发任务已创建（add_msg_template），没有人点之前什么都不会发出")

    stage.clock.advance(timedelta(hours=1, minutes=2))

    async def reminded() -> Any:
        await stage.runtime.clockwork.remind()
        return await stage.calls(REMIND)

    await stage.until(reminded, what="等太久的任务没有提醒")
    narrator.tell("一个多小时没有人点，小护提醒了一次。")
    narrator.seen("已调用提醒接口（每个任务 24 小时内最多 3 次）")
    await _tap_mass(stage, mass)
    await _finish(stage, mass, PostState.PUBLISHED)
    group = await stage.phone("groups", mass["audience"]["chat_ids"][0])
    if mass["text"] not in [message["text"] for message in group["messages"]]:
        raise DidNotHappen("客户群里没有看到内容")
    narrator.seen(f"客户群“{group['group']['name']}”里看到了：{_counts(await _detail(stage, mass))}")

    narrator.chapter("五、朋友圈与结果")
    posts = await _posts(stage, state="approved")
    moment = _pick(posts, "带图的朋友圈", lambda p: bool(p["attachments"]), kind="moment")
    speaker = stage.pack.persona(moment["persona"]).name
    await _walk_to(stage, moment)
    shown = (await stage.phone("members", moment["sender"]))["moments"]
    pending = _pick(
        shown, "朋友圈任务", lambda m: bool(m["state"] == "pending" and m["text"] == moment["text"])
    )
    narrator.tell(f"{speaker}的朋友圈任务到了，配图是刚上传的；在手机上点了“发表”。")
    await stage.act("publish-moment", userid=moment["sender"], moment_id=pending["moment_id"])
    await _finish(stage, moment, PostState.PUBLISHED)
    narrator.quote(f"朋友圈 · {speaker}", moment["text"])
    narrator.seen(f"已发布：{_counts(await _detail(stage, moment))}")

    posts = await _posts(stage, state="approved")
    capped = _pick(posts, "又一条群消息", lambda p: bool(p["sender"] == "xiaohu"), kind="group")
    await _walk_to(stage, capped)
    await stage.act("fill-cap", id=capped["audience"]["chat_ids"][0], times=31)
    await _tap_mass(stage, capped)
    await _finish(stage, capped, PostState.PARTIAL)
    narrator.tell("又一条群消息：这个群当月次数已满，企业微信没有送达。")
    narrator.seen(f"如实记为“{LABELS[PostState.PARTIAL]}”：{_counts(await _detail(stage, capped))}")

    texts = [str(call["body"]) for api in (MOMENT, MASS) for call in await stage.calls(api)]
    if (await _detail(stage, rejected))["state"] != PostState.REJECTED or any(
        rejected["text"] in t for t in texts
    ):
        raise DidNotHappen("被退回的内容仍然被发送")
    narrator.seen("被退回的那条从未创建过任务")


async def _walk_to(stage: Stage, post: Post) -> None:
    """Go to a post's hour, past every other approved one: each becomes a task at its own time."""
    for earlier in await _posts(stage, state="approved"):
        if _hour(earlier) <= _hour(post):
            stage.clock.advance_to(_hour(earlier))
            await _reaches(stage, earlier, PostState.AWAITING_SENDER)


def _pick(
    items: list[dict[str, Any]], what: str, fits: Callable[[dict[str, Any]], bool], *, kind: str | None = None
) -> dict[str, Any]:
    """Return the first that fits: posts come in the order of their hours."""
    for item in items:
        if (kind is None or item["kind"] == kind) and fits(item):
            return item
    raise DidNotHappen(f"没有找到{what}")


async def _approve_in_console(stage: Stage, batch: str, posts: list[Post]) -> None:
    seen = [("seen", f"{post['id']}:{post['digest']}") for post in posts]
    await stage.click(batch, f"{batch}/approve", *seen)
    for post in posts:
        await _reaches(stage, post, PostState.APPROVED)


async def _posts(stage: Stage, **filters: str) -> list[Post]:
    query = "&".join(f"{name}={value}" for name, value in {"limit": "200", **filters}.items())
    return list((await stage.api("GET", f"/posts?{query}"))["items"])


async def _detail(stage: Stage, post: Post) -> Post:
    return await stage.api("GET", f"/posts/{post['id']}")


async def _reaches(stage: Stage, post: Post, state: PostState) -> None:
    async def there() -> bool:
        current: str = (await _detail(stage, post))["state"]
        return current == state

    await stage.until(there, what=f"内容 #{post['id']} 没有变成“{LABELS[state]}”")


async def _finish(stage: Stage, post: Post, state: PostState) -> None:
    """Wait for the verdict; what settles only ten minutes after the tap is not waited for in real time."""

    async def tapped() -> bool:
        detail = await _detail(stage, post)
        push = detail["push"] or {}
        return detail["state"] == str(state) or push.get("sent_by_member_at") is not None

    await stage.until(tapped, what=f"没有看到成员对内容 #{post['id']} 的点击")
    stage.clock.advance(timedelta(minutes=11))
    await _reaches(stage, post, state)


async def _tap_mass(stage: Stage, post: Post) -> None:
    tasks = (await stage.phone("members", post["sender"]))["mass_tasks"]
    task = _pick(tasks, "群发任务", lambda t: bool(t["state"] == "pending" and t["text"] == post["text"]))
    await stage.act("tap-mass", userid=post["sender"], msgid=task["msgid"])


async def _chat(stage: Stage, patient: str, member: str) -> dict[str, Any]:
    chats = (await stage.phone("patients", patient))["chats"]
    found: dict[str, Any] = next(chat for chat in chats if chat["userid"] == member)
    return found


async def _welcome(stage: Stage, patient: str, member: str) -> list[dict[str, Any]]:
    async def greeted() -> list[dict[str, Any]]:
        messages = (await _chat(stage, patient, member))["messages"]
        return [message for message in messages if message["origin"] == "welcome"]

    found: list[dict[str, Any]] = await stage.until(greeted, what="手机上没有欢迎语")
    return found


async def _card(stage: Stage, member: str, persona: str) -> dict[str, Any]:
    async def shown() -> Any:
        messages = (await stage.phone("members", member))["app_chat"]["messages"]
        cards = [m["card"] for m in messages if m["kind"] == "template_card" and m["card"]]
        mine = [card for card in cards if persona in card["card"]["main_title"]["title"]]
        return mine[-1] if mine else None

    found: dict[str, Any] = await stage.until(shown, what=f"{member} 没有收到“{persona}”的审核卡片")
    return found


async def _card_says(stage: Stage, member: str, task_id: str, words: str) -> None:
    async def says() -> bool:
        messages = (await stage.phone("members", member))["app_chat"]["messages"]
        cards = [m["card"] for m in messages if m.get("card") and m["card"]["task_id"] == task_id]
        return any(words in str(card["card"]) for card in cards)

    await stage.until(says, what=f"{member} 的卡片没有写明“{words}”")


def _hour(post: Post) -> datetime:
    return datetime.fromisoformat(post["scheduled_at"]).astimezone(ZONE)


def _local(stage: Stage, hour: str) -> datetime:
    today = stage.clock.now().astimezone(ZONE).date()
    return datetime.combine(today, datetime.strptime(hour, "%H:%M").time(), tzinfo=ZONE)  # noqa: DTZ007


def _counts(post: Post) -> str:
    words = {
        "sent": "送达",
        "capped": "次数已满",
        "not_friend": "已不是好友",
        "unreachable": "不可达",
        "waiting": "等待",
    }
    counts = post["push"]["counts"]
    return "，".join(f"{words.get(status, status)} {n}" for status, n in counts.items() if n) or "暂无"
