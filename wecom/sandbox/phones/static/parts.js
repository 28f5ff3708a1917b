// Small pieces that every screen uses.

import { h, icon } from "./dom.js";

const SHADES = 8; // .shade-0 … .shade-7 in base.css, each dark enough for white text
const SEGMENTS = new Intl.Segmenter("zh", { granularity: "grapheme" });
const broken = new Set(); // picture addresses that did not load

function shade(id) {
  let sum = 22;
  for (const char of String(id)) sum = (sum * 37 + char.codePointAt(0)) % 9973;
  return sum % SHADES;
}

/** A square with the first letter of a name. `face`: member, patient, group, app or notice. */
export function avatar(name, id, face = "patient", size = "") {
  if (face === "app") return h("span", { class: `avatar avatar-app ${size}`, "aria-hidden": "true" }, "护");
  if (face === "notice") return h("span", { class: `avatar avatar-notice ${size}`, "aria-hidden": "true" }, icon("bell"));
  const first = [...SEGMENTS.segment(name.trim())][0]?.segment ?? "?";
  return h("span", { class: `avatar avatar-${face} ${face === "group" ? "" : `shade-${shade(id)}`} ${size}`, "aria-hidden": "true" },
    face === "group" ? icon("people") : first);
}

/** Return an address that is safe to link, or null: only http and https, never javascript: or data:. */
export function safeUrl(text) {
  try {
    const url = new URL(String(text), location.href);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link to the outside, or the same thing unlinked where the address is not one we follow. */
export function outLink(url, props, ...children) {
  const href = /^https?:\/\//i.test(String(url ?? "")) ? safeUrl(url) : null;
  if (!href) return h("span", props, ...children);
  return h("a", { ...props, href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** A picture from the server; `ctx` re-renders with a placeholder when it cannot be loaded. */
export function picture(ctx, url, alt, className = "") {
  const src = url ? safeUrl(url) : null;
  if (!src || broken.has(src)) {
    return h("span", { class: `picture picture-none ${className}`, role: "img", "aria-label": alt || "图片" }, icon("image"));
  }
  return h("img", {
    class: `picture ${className}`, src, alt: alt ?? "", loading: "lazy", decoding: "async", referrerpolicy: "no-referrer",
    onerror: () => { broken.add(src); ctx.changed(); },
  });
}

/** A picture that opens large when tapped. */
export function zoomable(ctx, url, alt, className = "") {
  return h("button", { type: "button", class: `zoom ${className}`, "aria-label": `查看${alt || "图片"}`, onclick: () => ctx.sheets.picture(url, alt) },
    picture(ctx, url, ""));
}

export function badge(count) {
  return count > 0 ? h("span", { class: "badge" }, h("span", { class: "hidden-text" }, "待办 "), count > 99 ? "99+" : String(count)) : null;
}

export function empty(iconName, title, hint) {
  return h("div", { class: "empty" }, icon(iconName, "empty-icon"), h("p", { class: "empty-title" }, title),
    hint ? h("p", { class: "empty-hint" }, hint) : null);
}

/** A button that shows it is at work while the action of that key is on its way. */
export function actionButton(ctx, key, props, ...children) {
  const busy = ctx.busy.has(key);
  return h("button", { type: "button", ...props, disabled: busy || props.disabled, "aria-busy": busy ? "true" : null },
    busy ? "请稍候…" : children);
}

export function choices(name, options, chosen) {
  return h("select", { name, id: `field-${name}` }, options.map(([value, label]) =>
    h("option", { value, selected: value === chosen }, label)));
}

export function field(name, label, control, hint) {
  return h("div", { class: "field" }, h("label", { for: `field-${name}` }, label), control,
    hint ? h("p", { class: "field-hint" }, hint) : null);
}
