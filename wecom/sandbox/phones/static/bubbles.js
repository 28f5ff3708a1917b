// A conversation: times, grey lines, and a bubble for every kind of message.

import { described, linked, markdown } from "./richtext.js";
import { h, icon } from "./dom.js";
import { avatar, outLink, picture, zoomable } from "./parts.js";
import { templateCard } from "./cards.js";
import { whenText } from "./times.js";

const QUIET_MS = 5 * 60_000; // WeChat shows the time again after such a pause
const NAMES = {
  image: "图片", video: "视频", file: "文件", news: "图文", mpnews: "图文", voice: "语音", location: "位置", business_card: "名片",
  ca_link: "获客链接", miniprogram_notice: "小程序通知", upgrade_service: "专属服务",
};
const SHOWN = 200; // the latest messages; a phone does not draw a year of chat at once either

/**
 * Show messages, oldest first. `named`: senders' names stand above their bubbles (groups);
 * `notice(text)` says a grey line as this phone's owner reads it; `userid`: whose cards are tapped;
 * `menu(id)` is called when an item of a customer-service menu is tapped (null: it cannot be).
 */
export function conversation(ctx, messages, { named = false, notice = (text) => text, userid = "", menu = null, label }) {
  const rows = [];
  let last = 0;
  for (const message of messages.slice(-SHOWN)) {
    const at = Date.parse(message.at);
    if (at - last > QUIET_MS) rows.push(h("p", { class: "chat-time", key: `t${message.id}` }, whenText(message.at, ctx.now())));
    last = at;
    rows.push(row(ctx, message, { named, notice, userid, menu }));
  }
  return h("div", { class: "chat-log", role: "log", "aria-label": label, "data-stick": "bottom", tabindex: "0" }, rows);
}

function row(ctx, message, { named, notice, userid, menu }) {
  const from = message.from;
  if (message.recalled) {
    return h("p", { class: "chat-notice", key: message.id, "data-testid": "message", "data-kind": "recalled" }, `${message.mine ? "你" : from.name}撤回了一条消息`);
  }
  if (message.kind === "notice") {
    return h("p", { class: "chat-notice", key: message.id, "data-testid": "message", "data-kind": "notice" }, notice(message.text));
  }
  const face = from.kind === "app" ? "app" : from.kind === "member" ? "member" : "patient";
  return h("div", {
    class: `chat-row ${message.mine ? "mine" : ""}`, key: message.id, "data-testid": "message", "data-kind": message.kind,
    "data-origin": message.origin,
  },
  avatar(from.name, from.id, face),
  h("div", { class: "chat-body" },
    h("p", { class: named && !message.mine ? "chat-name" : "hidden-text" }, message.mine ? "我：" : from.name),
    content(ctx, message, userid, menu)));
}

function content(ctx, message, userid, menu) {
  const { kind, payload } = message;
  if (kind === "text") return h("div", { class: "bubble" }, linked(message.text));
  if (kind === "markdown") return h("div", { class: "bubble bubble-white" }, markdown(message.text));
  if (kind === "template_card") return message.card ? templateCard(ctx, message.card, userid) : h("div", { class: "bubble" }, "[卡片已不在这部手机上]");
  if (kind === "textcard") return textCard(payload);
  if (kind === "miniprogram_notice") return notice_(payload);
  if (kind === "news" || kind === "mpnews") return h("div", { class: "stack" }, (payload.articles ?? []).map((article) => article_(ctx, article)));
  if (kind === "msgmenu") return serviceMenu(payload, menu);
  return attachment(ctx, { ...payload, kind });
}

/** A menu of 微信客服: words, things to tap, words. */
function serviceMenu(payload, menu) {
  return h("div", { class: "bubble service-menu" },
    payload.head_content ? h("p", {}, linked(payload.head_content)) : null,
    h("ul", {}, (payload.list ?? []).map((item) => h("li", {}, serviceItem(item, menu)))),
    payload.tail_content ? h("p", {}, linked(payload.tail_content)) : null);
}

function serviceItem(item, menu) {
  const inside = item[item.type] ?? {};
  if (item.type === "click") {
    return h("button", { type: "button", class: "menu-item", disabled: !menu, "data-testid": "kf-menu-item", onclick: () => menu(inside.id) }, inside.content);
  }
  if (item.type === "view") return outLink(inside.url, { class: "menu-item" }, inside.content);
  if (item.type === "miniprogram") return h("span", { class: "menu-item" }, icon("mini"), inside.content);
  return h("span", {}, inside.content);
}

/** A mini-program's notice: a title and rows of facts, the first of them large when it is to stand out. */
function notice_(payload) {
  const rows = payload.content_item ?? [];
  const large = payload.emphasis_first_item ? rows[0] : null;
  return h("div", { class: "card" },
    h("p", { class: "card-title" }, payload.title),
    payload.description ? h("p", { class: "card-desc" }, payload.description) : null,
    large ? h("p", { class: "card-emphasis" }, h("strong", {}, large.value), large.key) : null,
    h("dl", { class: "card-facts" }, rows.filter((row) => row !== large).map((row) =>
      h("div", {}, h("dt", {}, row.key), h("dd", {}, row.value)))),
    h("p", { class: "minicard-foot" }, icon("mini"), "小程序"));
}

/** Somebody to get in touch with: a member's card, a group, or a link that adds a member. */
function introduction(url, name, face, title, text) {
  return outLink(url, { class: "linkcard" },
    h("span", { class: "linkcard-row" },
      h("span", {}, h("span", { class: "linkcard-title" }, title), h("span", { class: "linkcard-text" }, text)),
      avatar(name, name, face)));
}

function textCard(card) {
  return outLink(card.url, { class: "textcard" },
    h("span", { class: "textcard-title" }, card.title),
    h("span", { class: "textcard-text" }, described(String(card.description ?? ""))),
    h("span", { class: "textcard-foot" }, card.btntxt || "详情", icon("next")));
}

function article_(ctx, article) {
  return outLink(article.url, { class: "news" },
    article.picurl ? picture(ctx, article.picurl, "", "news-picture") : null,
    h("span", { class: "news-title" }, article.title),
    article.description || article.digest ? h("span", { class: "news-text" }, article.description || article.digest) : null);
}

/** One attachment of WeCom (image, link, miniprogram, video, file) as a bubble; also used by tasks. */
export function attachment(ctx, payload) {
  switch (payload.kind) {
    case "image":
      return zoomable(ctx, payload.picture, "图片", "bubble-image");
    case "video":
      return h("video", { class: "bubble-video", controls: true, preload: "metadata", src: payload.picture ?? "", "aria-label": "视频" });
    case "link":
      return outLink(payload.url, { class: "linkcard" },
        h("span", { class: "linkcard-title" }, payload.title || payload.url),
        h("span", { class: "linkcard-row" },
          h("span", { class: "linkcard-text" }, payload.desc || hostOf(payload.url)),
          payload.picture ? picture(ctx, payload.picture, "", "linkcard-picture") : h("span", { class: "picture picture-none linkcard-picture" }, icon("link"))));
    case "miniprogram":
      return h("button", {
        type: "button", class: "minicard",
        onclick: () => ctx.toast(`小程序 ${payload.appid ?? ""} 的页面：${payload.page ?? ""}（沙盒里不会打开）`),
      },
      h("span", { class: "minicard-title" }, payload.title ?? "小程序"),
      picture(ctx, payload.picture, "", "minicard-picture"),
      h("span", { class: "minicard-foot" }, icon("mini"), "小程序"));
    case "file":
      return h("div", { class: "filecard" }, h("span", {}, payload.filename || "文件"), icon("file"));
    case "location":
      return h("div", { class: "bubble" }, `位置：${[payload.name, payload.address].filter(Boolean).join(" · ")}`);
    case "business_card":
      return introduction(null, payload.who ?? "", "member", payload.who ?? "", "个人名片");
    case "upgrade_service":
      return introduction(null, payload.who ?? "", payload.chat_id ? "group" : "member", payload.who ?? "",
        payload.wording || (payload.chat_id ? "邀请你加入群聊" : "为你提供专属服务"));
    case "ca_link":
      return introduction(payload.link_url, "工作人员", "member", "添加工作人员", "点开后扫码添加");
    default:
      return h("div", { class: "bubble" }, `[${NAMES[payload.kind] ?? payload.kind}]`);
  }
}

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return "";
  }
}

/** The last message in a list of chats, in one line. */
export function preview(message) {
  if (!message) return "";
  if (message.recalled) return "[撤回了一条消息]";
  const payload = message.payload ?? {};
  switch (message.kind) {
    case "text": case "notice":
      return message.text.replace(/<a\s[^>]*>([^<]*)<\/a>/gi, "$1");
    case "markdown": return message.text.replace(/<[^>]*>|[*#>`]/g, "").trim();
    case "link": return `[链接] ${payload.title ?? ""}`;
    case "miniprogram": return `[小程序] ${payload.title ?? ""}`;
    case "textcard": return `[卡片] ${payload.title ?? ""}`;
    case "template_card": return `[卡片] ${message.card?.card?.main_title?.title ?? ""}`;
    case "msgmenu": return `[菜单] ${payload.head_content ?? ""}`;
    default: return `[${NAMES[message.kind] ?? message.kind}]`;
  }
}
