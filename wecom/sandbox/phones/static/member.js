// A member's phone: 企业微信, with the app's conversation, customers, and the two lists of tasks to tap.

import { conversation, preview } from "./bubbles.js";
import { h, icon } from "./dom.js";
import { blocked, composer, line, screen, tabs } from "./frame.js";
import { memberKf, memberKfLine } from "./kf.js";
import { massTasks } from "./mass.js";
import { momentTasks } from "./moments.js";
import { avatar, empty } from "./parts.js";
import { groupPreview, log, notice } from "./patient.js";
import { factText, shortText, whenText } from "./times.js";
import { channelName } from "./words.js";

const wechat = () => h("span", { class: "wechat" }, "@微信");

export function memberScreen(ctx, phone, view) {
  const [name, id] = phone.screen;
  if (name === "app") return app(ctx, phone, view);
  if (name === "notices") return notices(ctx, phone, view);
  if (name === "chats" && id) return chat(ctx, phone, view, id);
  if (name === "groups" && id) return group(ctx, phone, view, id);
  if (name === "kf") return memberKf(ctx, phone, view);
  if (name === "customers" && id) return customer(ctx, phone, view, id);
  const { member } = view;
  const foot = tabs(ctx, phone, [
    ["chats", "chat", "消息"], ["customers", "people", "客户"],
    ["tasks", "send-many", "群发助手", member.mass_pending], ["moments", "moments", "朋友圈", member.moments_pending],
  ]);
  if (name === "tasks") return screen(ctx, phone, { title: "群发助手", foot }, massTasks(ctx, view, phone.id));
  if (name === "moments") return screen(ctx, phone, { title: "客户朋友圈", foot }, momentTasks(ctx, view));
  if (name === "customers") return screen(ctx, phone, { title: `我的客户（${view.chats_total}）`, foot }, customers(ctx, phone, view));
  return screen(ctx, phone, { title: "消息", foot }, messages(ctx, phone, view));
}

export const nameOf = (one) => one.follow.remark || one.name;

function messages(ctx, phone, view) {
  const now = ctx.now();
  const last = (list) => (list.length ? shortText(list.at(-1).at, now) : "");
  const waiting = view.app_chat.messages.filter((message) => message.card?.tappable && !message.card.clicked_key && ["button_interaction", "vote_interaction", "multiple_interaction"].includes(message.card.card_type)).length;
  const rows = [
    ...view.groups.map((one) => ({
      at: one.messages.at(-1)?.at ?? "",
      row: line(ctx.to(phone, "groups", one.chat_id), avatar(one.name, one.chat_id, "group"), one.name, {
        key: one.chat_id, note: h("span", { class: "wechat" }, "外部"), when: last(one.messages), text: one.dismissed ? "已解散" : groupPreview(one), dim: one.dismissed,
      }),
    })),
    ...view.chats.map((one) => ({
      at: one.last_at,
      row: line(ctx.to(phone, "chats", one.external_userid), avatar(one.name, one.external_userid), nameOf(one), {
        key: one.external_userid, note: wechat(), when: shortText(one.last_at, now), text: preview(one.messages.at(-1)), dim: Boolean(one.follow.lost_at),
      }),
    })),
  ].sort((a, b) => (a.at < b.at ? 1 : -1));
  return [finder(ctx, phone, view), h("ul", { class: "lines", key: "lines" },
    line(ctx.to(phone, "app"), avatar(view.app_chat.name, "app", "app"), view.app_chat.name, {
      key: "app", note: h("span", { class: "corp-tag" }, "应用"), when: last(view.app_chat.messages), count: waiting,
      text: preview(view.app_chat.messages.at(-1)) || "审批卡片和提醒会出现在这里",
    }),
    line(ctx.to(phone, "notices"), avatar("客户联系", "notices", "notice"), "客户联系", {
      key: "notices", when: last(view.notices), text: preview(view.notices.at(-1)) || "群发和朋友圈任务的通知",
    }),
    memberKfLine(ctx, phone, view),
    rows.map(({ row }) => row))];
}

/** A search, for a member with more customers than the list shows. */
function finder(ctx, phone, view) {
  const sought = ctx.tenant.sought(phone);
  if (view.chats_total <= view.chats.length && !sought) return null;
  return h("div", { class: "finder", key: "finder" },
    h("label", { class: "search" }, icon("search"), h("span", { class: "hidden-text" }, "按名字找客户"),
      h("input", { type: "search", placeholder: `在 ${view.chats_total} 位客户里找`, value: sought, autocomplete: "off", "data-testid": "find-customer", oninput: (event) => ctx.tenant.seek(phone, event.currentTarget.value) })),
    h("p", { class: "quiet" }, sought ? `找到 ${view.chats.length}${view.chats.length >= 100 ? "+" : ""} 位` : `只列出最近的 ${view.chats.length} 位`));
}

function app(ctx, phone, view) {
  const { app_chat: talk } = view;
  return screen(ctx, phone, {
    title: talk.name, back: ["chats"], look: "screen-chat",
    foot: composer(`发给${talk.name}`, (text) => ctx.act("member-writes-app", { userid: phone.id, text })),
  }, talk.messages.length
    ? conversation(ctx, talk.messages, { userid: phone.id, label: `和${talk.name}的聊天` })
    : empty("chat", "还没有消息", "审批卡片、提醒和回执会由应用发到这里。"));
}

function notices(ctx, phone, view) {
  return screen(ctx, phone, { title: "客户联系", back: ["chats"], look: "screen-chat" }, view.notices.length
    ? h("div", { class: "notices", "data-stick": "bottom" }, view.notices.map((one) => h("div", { class: "notice-card", key: one.id, "data-testid": "message", "data-kind": "notice" },
      h("p", { class: "notice-when" }, whenText(one.at, ctx.now())), h("p", {}, one.text),
      h("a", { href: ctx.to(phone, view.moments.some((moment) => moment.moment_id === one.ref) ? "moments" : "tasks") }, "去处理", icon("next")))))
    : empty("bell", "没有通知", "企业下发群发或朋友圈任务时，这里会提醒。"));
}

function chat(ctx, phone, view, externalUserid) {
  const one = view.chats.find((found) => found.external_userid === externalUserid);
  if (!one) return screen(ctx, phone, { title: "聊天", back: ["chats"] }, empty("chat", "没有这个聊天", "这位客户已不在列表里。"));
  const pair = { userid: phone.id, external_userid: externalUserid };
  let foot = composer(`发给${nameOf(one)}`, (text) => ctx.act("member-writes-patient", { ...pair, text }));
  if (one.follow.lost_at) foot = blocked("对方已删除你，消息不再送达。");
  if (one.follow.half) {
    foot = blocked("对方已添加你，等待你确认。", h("button", { type: "button", class: "button", onclick: () => ctx.act("member-confirms-patient", pair) }, "确认添加"));
  }
  const side = h("a", { class: "bar-button", href: ctx.to(phone, "customers", externalUserid), "aria-label": "客户资料" }, icon("more"));
  return screen(ctx, phone, { title: [nameOf(one), wechat()], back: ["chats"], side, foot, look: "screen-chat" },
    conversation(ctx, one.messages, { label: `和${nameOf(one)}的聊天` }));
}

function group(ctx, phone, view, chatId) {
  const one = view.groups.find((found) => found.chat_id === chatId);
  if (!one) return screen(ctx, phone, { title: "客户群", back: ["chats"] }, empty("people", "已不在这个群里"));
  return screen(ctx, phone, {
    title: `${one.name}（${one.members_total}）`, back: ["chats"], look: "screen-chat",
    foot: one.dismissed ? blocked("群主已解散这个群。") : composer("在群里说点什么", (text) => ctx.act("write-in-group", { chat_id: chatId, person: phone.id, text })),
  }, notice(one), log(ctx, one));
}

function customers(ctx, phone, view) {
  if (view.chats_total === 0) return empty("people", "还没有客户", "患者扫码添加后会出现在这里。");
  return [finder(ctx, phone, view), h("ul", { class: "lines", key: "lines" }, view.chats.map((one) =>
    line(ctx.to(phone, "customers", one.external_userid), avatar(one.name, one.external_userid), nameOf(one), {
      key: one.external_userid, note: wechat(), dim: Boolean(one.follow.lost_at),
      text: [one.follow.lost_at ? "已删除你" : "", one.follow.half ? "等待确认" : "", one.follow.tags.map((tag) => tag.name).join("、") || "没有标签"].filter(Boolean).join(" · "),
    })))];
}

function customer(ctx, phone, view, externalUserid) {
  const one = view.chats.find((found) => found.external_userid === externalUserid);
  if (!one) return screen(ctx, phone, { title: "客户资料", back: ["customers"] }, empty("people", "没有这位客户"));
  const { follow } = one;
  const pair = { userid: phone.id, external_userid: externalUserid };
  return screen(ctx, phone, { title: "客户资料", back: ["customers"] }, h("div", { class: "profile" },
    h("div", { class: "profile-top" }, avatar(one.name, externalUserid, "patient", "large"),
      h("div", {}, h("h4", {}, nameOf(one), wechat()), h("p", { class: "quiet" }, `昵称：${one.name}`))),
    h("dl", { class: "facts" },
      h("div", {}, h("dt", {}, "添加时间"), h("dd", {}, factText(follow.added_at, ctx.now()))),
      h("div", {}, h("dt", {}, "来自渠道"), h("dd", {}, channelName(follow.state))),
      follow.description ? h("div", {}, h("dt", {}, "描述"), h("dd", {}, follow.description)) : null,
      h("div", {}, h("dt", {}, "企业标签"), h("dd", { class: "chips" }, follow.tags.length ? follow.tags.map((tag) => h("span", { class: "chip", key: tag.id, "data-testid": "tag" }, tag.name)) : "没有"))),
    remark(ctx, pair, one),
    tagEditor(ctx, pair, follow),
    h("a", { class: "button button-wide", href: ctx.to(phone, "chats", externalUserid) }, "发消息"),
    h("button", {
      type: "button", class: "button button-wide button-danger",
      onclick: () => ctx.sheets.confirm({
        title: `删除${nameOf(one)}`, text: "从客户列表里删除，对应的回调会发给应用。", yes: "删除",
        act: () => ctx.act("member-deletes-patient", pair).then((done) => done && ctx.go(ctx.to(phone, "customers"))),
      }),
    }, "删除客户")));
}

function remark(ctx, pair, one) {
  return h("form", {
    class: "inline-form",
    onsubmit: (event) => {
      event.preventDefault();
      ctx.act("member-edits-patient", { ...pair, remark: new FormData(event.currentTarget).get("remark").trim() }, "", () => ctx.toast("备注已保存。"));
    },
  },
  h("label", { for: `remark-${pair.userid}-${pair.external_userid}` }, "备注"),
  h("input", { id: `remark-${pair.userid}-${pair.external_userid}`, name: "remark", value: one.follow.remark, maxlength: "20", autocomplete: "off" }),
  h("button", { type: "submit", class: "button button-quiet" }, "保存"));
}

function tagEditor(ctx, pair, follow) {
  const groups = ctx.tenant.state?.tags ?? [];
  if (groups.length === 0) return null;
  const has = new Set(follow.tags.map((tag) => tag.id));
  return h("details", { class: "tag-editor" }, h("summary", {}, icon("tag"), "修改标签"), groups.map((group) =>
    h("fieldset", { key: group.group_id }, h("legend", {}, group.name), group.tags.map((tag) => h("button", {
      type: "button", key: tag.id, class: "chip chip-button", "aria-pressed": has.has(tag.id) ? "true" : "false",
      onclick: () => ctx.act("member-edits-patient", { ...pair, [has.has(tag.id) ? "remove_tags" : "add_tags"]: [tag.id] }),
    }, tag.name)))));
}
