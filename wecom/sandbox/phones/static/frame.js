// The phone itself: status bar, title bar with back, the screen, and at the bottom tabs or a place to write.

import { writePhone } from "./address.js";
import { h, icon } from "./dom.js";
import { avatar, badge } from "./parts.js";
import { clockText } from "./times.js";

/**
 * A screen inside a phone.
 *
 * `back`: the screen that "‹" leads to (null on a first screen); `side`: what stands at the right of the
 * title; `foot`: tabs or composer.
 */
export function screen(ctx, phone, { title, back = null, side = null, foot = null, look = "" }, ...body) {
  return h("div", { class: `screen ${look}`, key: writePhone(phone) },
    h("header", { class: "bar" },
      back ? h("a", { class: "bar-button", href: ctx.to(phone, ...back), "aria-label": "返回" }, icon("back")) : h("span", { class: "bar-space" }),
      h("h3", { class: "bar-title", tabindex: "-1" }, title),
      side ?? h("span", { class: "bar-space" })),
    h("div", { class: "screen-body" }, body),
    foot);
}

/** Tabs: [screen, icon, label, count]; the current one is the phone's own screen. */
export function tabs(ctx, phone, list) {
  const current = phone.screen[0] ?? list[0][0];
  return h("nav", { class: "tabs", "aria-label": "手机底部菜单" }, list.map(([name, iconName, label, count]) =>
    h("a", { href: ctx.to(phone, name), "aria-current": name === current ? "page" : null, "data-testid": `tab-${name}` },
      h("span", { class: "tab-icon" }, icon(iconName), badge(count ?? 0)), label)));
}

/** A place to write. `write(text)` returns a promise; what was typed stays when it fails. */
export function composer(label, write, extra = null) {
  return h("form", {
    class: "composer",
    onsubmit: async (event) => {
      event.preventDefault();
      const form = event.currentTarget;
      const box = form.elements.namedItem("text");
      const text = box.value.trim();
      if (text && (await write(text, form))) {
        box.value = "";
        box.focus();
      }
    },
  },
  extra,
  h("textarea", {
    name: "text", rows: "1", maxlength: "2000", "aria-label": label, placeholder: label, autocomplete: "off", "data-testid": "write",
    onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        event.currentTarget.form.requestSubmit();
      }
    },
  }),
  h("button", { type: "submit", class: "button" }, "发送"));
}

export function blocked(text, action) {
  return h("div", { class: "composer composer-off" }, h("p", {}, text), action);
}

/** One line of a list that leads somewhere. */
export function line(href, face, title, { note = null, text = "", when = "", count = 0, dim = false, key }) {
  return h("li", { key }, h("a", { class: `line ${dim ? "line-dim" : ""}`, href },
    h("span", { class: "line-face" }, face, badge(count)),
    h("span", { class: "line-body" },
      h("span", { class: "line-top" }, h("span", { class: "line-title" }, title, note), h("span", { class: "line-when" }, when)),
      text ? h("span", { class: "line-text" }, text) : null)));
}

/** The stand of a phone: its caption and the device. */
export function stand(ctx, phone, { name, face, app, front }, content) {
  return h("section", {
    class: `stand stand-${phone.kind} ${front ? "front" : ""}`, key: `${phone.kind}/${phone.id}`, "data-testid": "phone",
    "data-kind": phone.kind, "data-id": phone.id, "aria-label": `${name}（${app}）`,
  },
  h("header", { class: "stand-head" },
    avatar(name, phone.id, face, "small"),
    h("h2", {}, name), h("span", { class: "stand-app" }, app),
    h("a", { class: "stand-close", href: ctx.without(phone), "aria-label": `收起${name}的手机` }, icon("close"))),
  h("div", { class: "phone" },
    h("div", { class: "phone-status", "aria-hidden": "true" }, h("span", {}, clockText(ctx.now())), h("span", { class: "phone-signs" }, icon("signal"), icon("battery"))),
    content));
}
