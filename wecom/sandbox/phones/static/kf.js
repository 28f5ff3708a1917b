// 微信客服: the same conversation on a patient's phone and on the phone of a servicer.

import { conversation, preview } from "./bubbles.js";
import { h, icon } from "./dom.js";
import { blocked, composer, line, screen } from "./frame.js";
import { actionButton, avatar, empty } from "./parts.js";
import { shortText } from "./times.js";

const POOL = 2;
const HUMAN = 3;
const ENDED = 4;
const service = () => h("span", { class: "corp" }, "@微信客服");
const key = (chat) => `kf/${chat.open_kfid}/${chat.external_userid}`;

/** The program speaks as the account; who wrote last decides what a list shows. */
function spoken(chat) {
  return chat.messages.map((message) => (message.from.kind === "app" ? { ...message, from: { ...message.from, name: chat.account } } : message));
}

// -- a patient ------------------------------------------------------------------------------------

/** Rows for the list of chats, as {at, row}. */
export function patientKfRows(ctx, phone, view) {
  return view.kf.chats.map((one) => ({
    at: one.last_at ?? "",
    row: line(ctx.to(phone, "kf", one.open_kfid), avatar(one.account, one.open_kfid, "app"), one.account, {
      key: one.open_kfid, note: service(), when: one.last_at ? shortText(one.last_at, ctx.now()) : "",
      text: preview(one.messages.at(-1)) || "已进入，还没有说话",
    }),
  }));
}

/** The accounts that a link could open; entering is what a tap on the link does. */
export function kfAccounts(ctx, phone) {
  const accounts = ctx.tenant.kfAccounts;
  if (accounts.length === 0) return null;
  return h("section", { class: "kf-accounts", key: "kf" }, h("h4", {}, "微信客服"), h("ul", { class: "lines" }, accounts.map((one) =>
    line(ctx.to(phone, "kf", one.open_kfid), avatar(one.name, one.open_kfid, "app"), one.name, { key: one.open_kfid, text: "通过客服链接进入" }))));
}

export function patientKf(ctx, phone, view, openKfid) {
  const me = phone.id;
  const one = view.kf.chats.find((chat) => chat.open_kfid === openKfid);
  const account = ctx.tenant.kfAccounts.find((found) => found.open_kfid === openKfid);
  if (!one && !account) return screen(ctx, phone, { title: "微信客服", back: ["chats"] }, empty("chat", "没有这个客服账号", "也许它已被删除。"));
  const title = [one?.account ?? account.name, service()];
  const entering = enter(ctx, openKfid, me, account?.scenes ?? [], one);
  if (!one) {
    return screen(ctx, phone, { title, back: ["contacts"] },
      empty("chat", "还没有进入过这个客服", "选一个场景值，就像患者点开那个链接。"), h("div", { class: "kf-enter" }, entering));
  }
  const pair = { open_kfid: openKfid, external_userid: me };
  const again = h("details", { class: "kf-again" }, h("summary", {}, `${one.state_text} · 再次从链接进入`), entering);
  return screen(ctx, phone, {
    title, back: ["chats"], look: "screen-chat",
    foot: composer(`发给${one.account}`, (text) => ctx.act("kf-write", { ...pair, text })),
  }, again, conversation(ctx, spoken(one), {
    label: `和${one.account}的聊天`, menu: (id) => ctx.act("kf-click", { ...pair, menu_id: id }, `${key(one)}/${id}`),
  }));
}

function enter(ctx, openKfid, me, scenes, one) {
  const busy = `kf-enter/${openKfid}/${me}`;
  const id = `scene-${openKfid}-${me}`;
  const choices = ["", ...scenes.filter(Boolean)];
  return h("form", {
    class: "inline-form",
    onsubmit: (event) => {
      event.preventDefault();
      ctx.act("kf-enter", { open_kfid: openKfid, external_userid: me, scene: new FormData(event.currentTarget).get("scene") }, busy);
    },
  },
  h("label", { for: id }, "从哪个链接进入"),
  h("select", { id, name: "scene" }, choices.map((scene) => h("option", { value: scene }, scene || "没有场景值"))),
  actionButton(ctx, busy, { type: "submit", class: "button", "data-testid": "kf-enter" }, one ? "再次进入" : "进入会话"));
}

// -- a servicer -----------------------------------------------------------------------------------

/** One line among a member's messages that leads to all customer-service chats; null without any account. */
export function memberKfLine(ctx, phone, view) {
  const { accounts, chats } = view.kf;
  if (accounts.length === 0) return null;
  const waiting = chats.filter((one) => one.state === POOL).length;
  return line(ctx.to(phone, "kf"), avatar("微信客服", "kf", "app"), "微信客服", {
    key: "kf", note: h("span", { class: "corp-tag" }, "接待"), count: waiting,
    text: waiting ? `${waiting} 位在排队` : accounts.map((one) => one.name).join("、"),
  });
}

export function memberKf(ctx, phone, view) {
  const [, openKfid, external] = phone.screen;
  if (openKfid && external) return servicerChat(ctx, phone, view, openKfid, external);
  const chats = [...view.kf.chats].sort((a, b) => ((a.last_at ?? "") < (b.last_at ?? "") ? 1 : -1));
  return screen(ctx, phone, { title: "微信客服", back: ["chats"] },
    view.kf.accounts.map((one) => receiving(ctx, phone, one)),
    chats.length === 0 ? empty("chat", "还没有人来咨询", "患者从客服链接进入后会出现在这里。")
      : h("ul", { class: "lines", key: "lines" }, chats.map((one) =>
        line(ctx.to(phone, "kf", one.open_kfid, one.external_userid), avatar(one.name, one.external_userid), one.name, {
          key: `${one.open_kfid}/${one.external_userid}`, note: stateChip(one), dim: one.state === ENDED,
          when: one.last_at ? shortText(one.last_at, ctx.now()) : "", text: preview(one.messages.at(-1)) || one.account,
        }))));
}

function stateChip(one) {
  return h("span", { class: `chip ${one.state === POOL ? "chip-wait" : one.state === HUMAN ? "chip-done" : ""}` }, one.state_text);
}

function receiving(ctx, phone, account) {
  const seat = account.servicers.find((one) => one.userid === phone.id);
  if (!seat) return null;
  const busy = `kf-receive/${account.open_kfid}/${phone.id}`;
  return h("div", { class: "kf-seat", key: account.open_kfid }, h("span", {}, `${account.name} · ${seat.receiving ? "接待中" : "停止接待"}`),
    actionButton(ctx, busy, {
      class: "button button-quiet button-small",
      onclick: () => ctx.act("kf-receive", { open_kfid: account.open_kfid, userid: phone.id, receiving: !seat.receiving }, busy),
    }, seat.receiving ? "停止接待" : "开始接待"));
}

function servicerChat(ctx, phone, view, openKfid, external) {
  const one = view.kf.chats.find((chat) => chat.open_kfid === openKfid && chat.external_userid === external);
  if (!one) return screen(ctx, phone, { title: "微信客服", back: ["kf"] }, empty("chat", "没有这个会话"));
  const who = { open_kfid: openKfid, external_userid: external, userid: phone.id };
  const mine = one.state === HUMAN && one.servicer === phone.id;
  const servicer = view.kf.accounts.flatMap((account) => account.servicers).find((seat) => seat.userid === one.servicer);
  let foot = blocked(one.state === HUMAN ? `由${servicer?.name ?? one.servicer}接待。` : `${one.state_text}，现在由程序回答。`);
  if (one.state === POOL) {
    foot = blocked("排队中，等人接待。", actionButton(ctx, key(one), { class: "button", "data-testid": "kf-take", onclick: () => ctx.act("kf-take", who, key(one)) }, "接入会话"));
  }
  if (mine || one.state === ENDED) foot = composer(`回复${one.name}`, (text) => ctx.act("kf-answer", { ...who, text }));
  const side = mine ? h("button", {
    type: "button", class: "bar-button", "aria-label": "结束会话",
    onclick: () => ctx.sheets.confirm({ title: "结束会话", text: `结束和${one.name}的会话？程序随后可以发一条结束语或评价菜单。`, yes: "结束", act: () => ctx.act("kf-end", who) }),
  }, icon("check")) : null;
  return screen(ctx, phone, { title: [one.name, service()], back: ["kf"], side, foot, look: "screen-chat" },
    conversation(ctx, spoken(one), { named: true, label: `和${one.name}的客服会话` }));
}
