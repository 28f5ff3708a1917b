// A patient's phone: 微信, as far as it matters to a clinic.

import { conversation, preview } from "./bubbles.js";
import { h, icon } from "./dom.js";
import { blocked, composer, line, screen, tabs } from "./frame.js";
import { kfAccounts, patientKf, patientKfRows } from "./kf.js";
import { feed } from "./moments.js";
import { avatar, empty } from "./parts.js";
import { factText, shortText } from "./times.js";
import { channelName } from "./words.js";

const CORP = h("span", { class: "corp" }, "@企业微信");
const corp = () => CORP.cloneNode(true);

export function patientScreen(ctx, phone, view) {
  const [name, id] = phone.screen;
  const me = phone.id;
  if (name === "chats" && id) return chat(ctx, phone, view, id, me);
  if (name === "groups" && id) return group(ctx, phone, view, id, me);
  if (name === "kf" && id) return patientKf(ctx, phone, view, id);
  if (name === "contacts" && id) return contact(ctx, phone, view, id, me);
  const foot = tabs(ctx, phone, [["chats", "chat", "微信"], ["contacts", "people", "通讯录"], ["moments", "moments", "朋友圈"]]);
  const side = h("button", { type: "button", class: "bar-button", "aria-label": "添加企业微信", "data-testid": "add-contact", onclick: () => ctx.sheets.add(me) }, icon("plus"));
  if (name === "moments") return screen(ctx, phone, { title: "朋友圈", foot, look: "screen-white" }, feed(ctx, view, me));
  if (name === "contacts") return screen(ctx, phone, { title: "通讯录", side, foot }, contacts(ctx, phone, view));
  return screen(ctx, phone, { title: "微信", side, foot }, chats(ctx, phone, view));
}

function chats(ctx, phone, view) {
  const now = ctx.now();
  const rows = [
    ...view.chats.map((one) => ({
      at: one.last_at,
      row: line(ctx.to(phone, "chats", one.userid), avatar(one.name, one.userid, "member"), one.name, {
        key: one.userid, note: corp(), dim: Boolean(one.follow.lost_at), when: shortText(one.last_at, now),
        text: one.follow.lost_at ? "已删除这位联系人" : preview(heard(one, view).at(-1)),
      }),
    })),
    ...view.groups.map((one) => ({
      at: one.messages.at(-1)?.at ?? "",
      row: line(ctx.to(phone, "groups", one.chat_id), avatar(one.name, one.chat_id, "group"), one.name, {
        key: one.chat_id, when: one.messages.length ? shortText(one.messages.at(-1).at, now) : "", text: groupPreview(one),
      }),
    })),
    ...patientKfRows(ctx, phone, view),
  ].sort((a, b) => (a.at < b.at ? 1 : -1));
  if (rows.length === 0) return empty("chat", "还没有聊天", "点右上角的加号，扫一扫门诊的码。");
  return h("ul", { class: "lines" }, rows.map(({ row }) => row));
}

export function groupPreview(group) {
  const last = group.messages.at(-1);
  return last ? `${last.mine ? "" : `${last.from.name}：`}${preview(last)}` : `${group.members_total} 人`;
}

/** The sandbox writes the grey line once, for the member; a patient reads the member's name in it. */
function heard(one, view) {
  return one.messages.map((message) => (message.kind === "notice"
    ? { ...message, text: message.text.replace(`你已添加了${view.patient.name}，`, `你已添加了${one.name}，`) } : message));
}

function chat(ctx, phone, view, userid, me) {
  const one = view.chats.find((found) => found.userid === userid);
  if (!one) return screen(ctx, phone, { title: "聊天", back: ["chats"] }, empty("chat", "没有这个聊天", "也许对方已经不是联系人了。"));
  const again = h("button", { type: "button", class: "button", onclick: () => ctx.sheets.add(me, userid) }, "重新添加");
  const foot = one.follow.lost_at
    ? blocked("你已删除这位联系人。", again)
    : composer(`发给${one.name}`, (text) => ctx.act("patient-writes", { userid, external_userid: me, text }));
  const side = h("a", { class: "bar-button", href: ctx.to(phone, "contacts", userid), "aria-label": "联系人资料" }, icon("more"));
  return screen(ctx, phone, { title: [one.name, corp()], back: ["chats"], side, foot, look: "screen-chat" },
    conversation(ctx, heard(one, view), { label: `和${one.name}的聊天` }));
}

function group(ctx, phone, view, chatId, me) {
  const one = view.groups.find((found) => found.chat_id === chatId);
  if (!one) return screen(ctx, phone, { title: "群聊", back: ["chats"] }, empty("people", "已不在这个群里"));
  const side = h("button", {
    type: "button", class: "bar-button", "aria-label": "退出群聊",
    onclick: () => ctx.sheets.confirm({
      title: "退出群聊", text: `退出“${one.name}”？群主会在企业微信里看到。`, yes: "退出",
      act: () => ctx.act("leave-group", { chat_id: chatId, people: [me] }),
    }),
  }, icon("more"));
  return screen(ctx, phone, {
    title: `${one.name}（${one.members_total}）`, back: ["chats"], side, look: "screen-chat",
    foot: composer("在群里说点什么", (text) => ctx.act("write-in-group", { chat_id: chatId, person: me, text })),
  }, notice(one), log(ctx, one));
}

export function notice(group) {
  return group.notice ? h("p", { class: "group-notice" }, icon("bell"), group.notice) : null;
}

export function log(ctx, group) {
  return group.messages.length
    ? conversation(ctx, group.messages, { named: true, label: `${group.name}的消息` })
    : empty("chat", "群里还很安静", "群主在群发助手里点“发送”之后，内容会出现在这里。");
}

function contacts(ctx, phone, view) {
  const people = view.chats.length === 0
    ? empty("people", "还没有联系人", "点右上角的加号，扫一扫门诊的码。")
    : h("ul", { class: "lines", key: "people" }, view.chats.map((one) =>
      line(ctx.to(phone, "contacts", one.userid), avatar(one.name, one.userid, "member"), one.name, {
        key: one.userid, note: corp(), text: one.follow.lost_at ? "已删除" : one.position, dim: Boolean(one.follow.lost_at),
      })));
  return [people, kfAccounts(ctx, phone)];
}

function contact(ctx, phone, view, userid, me) {
  const one = view.chats.find((found) => found.userid === userid);
  if (!one) return screen(ctx, phone, { title: "资料", back: ["contacts"] }, empty("people", "通讯录里没有这个人"));
  const { follow } = one;
  return screen(ctx, phone, { title: "联系人资料", back: ["contacts"] }, h("div", { class: "profile" },
    h("div", { class: "profile-top" }, avatar(one.name, userid, "member", "large"),
      h("div", {}, h("h4", {}, one.name), h("p", { class: "corp" }, "企业微信联系人"))),
    h("dl", { class: "facts" },
      h("div", {}, h("dt", {}, "职务"), h("dd", {}, one.position || "未填写")),
      h("div", {}, h("dt", {}, "添加时间"), h("dd", {}, factText(follow.added_at, ctx.now()))),
      h("div", {}, h("dt", {}, "来自渠道"), h("dd", {}, channelName(follow.state))),
      follow.half ? h("div", {}, h("dt", {}, "状态"), h("dd", {}, "等待对方通过")) : null,
      follow.lost_at ? h("div", {}, h("dt", {}, "状态"), h("dd", {}, `${factText(follow.lost_at, ctx.now())} 已删除`)) : null),
    h("a", { class: "button button-wide", href: ctx.to(phone, "chats", userid) }, "发消息"),
    follow.lost_at
      ? h("button", { type: "button", class: "button button-wide button-quiet", onclick: () => ctx.sheets.add(me, userid) }, "重新添加")
      : h("button", {
        type: "button", class: "button button-wide button-danger",
        onclick: () => ctx.sheets.confirm({
          title: `删除${one.name}`, text: "删除后对方仍会看到你，但消息不再送达。对应的回调会发给应用。", yes: "删除",
          act: () => ctx.act("patient-deletes-member", { userid, external_userid: me }),
        }),
      }, "删除联系人")));
}
