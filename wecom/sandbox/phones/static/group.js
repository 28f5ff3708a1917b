// A customer group, seen from above: every message with its sender, the people, and a way to speak as any of them.

import { h, icon } from "./dom.js";
import { blocked, composer, screen } from "./frame.js";
import { avatar } from "./parts.js";
import { log, notice } from "./patient.js";
import { factText } from "./times.js";

export function groupScreen(ctx, phone, view) {
  const { group, members } = view;
  if (phone.screen[0] === "people") return people(ctx, phone, view);
  const speaker = h("label", { class: "composer-who" }, "以", h("select", { name: "person" },
    members.map((seat) => h("option", { value: seat.id }, seat.name))), "的身份说话");
  const foot = group.dismissed
    ? blocked("这个群已经解散。")
    : composer("在群里说点什么", (text, form) => ctx.act("write-in-group", { chat_id: group.chat_id, person: form.elements.namedItem("person").value, text }), speaker);
  const side = h("a", { class: "bar-button", href: ctx.to(phone, "people"), "aria-label": "群成员" }, icon("people"));
  return screen(ctx, phone, { title: `${group.name}（${group.members_total}）`, side, foot, look: "screen-chat" },
    notice(group), log(ctx, { ...group, messages: view.messages }));
}

function people(ctx, phone, view) {
  const { group, members } = view;
  const inside = new Set(members.map((seat) => seat.id));
  const outside = (ctx.tenant.state?.patients ?? []).filter((patient) => !inside.has(patient.external_userid));
  return screen(ctx, phone, { title: `群成员（${members.length}）`, back: [] },
    group.dismissed || outside.length === 0 ? null : h("form", {
      class: "inline-form",
      onsubmit: (event) => {
        event.preventDefault();
        ctx.act("join-group", { chat_id: group.chat_id, people: [new FormData(event.currentTarget).get("person")], scene: 3 });
      },
    },
    h("label", { for: `join-${group.chat_id}` }, "扫群码进群"),
    h("select", { id: `join-${group.chat_id}`, name: "person" }, outside.map((patient) => h("option", { value: patient.external_userid }, patient.name))),
    h("button", { type: "submit", class: "button button-quiet" }, "进群")),
    h("ul", { class: "lines" }, members.map((seat) => h("li", { key: seat.id }, h("a", {
      class: "line", href: ctx.beside({ kind: seat.type === 1 ? "members" : "patients", id: seat.id, screen: [] }),
    },
    avatar(seat.name, seat.id, seat.type === 1 ? "member" : "patient"),
    h("span", { class: "line-body" },
      h("span", { class: "line-top" }, h("span", { class: "line-title" }, seat.name,
        seat.owner ? h("span", { class: "corp-tag" }, "群主") : null, seat.type === 1 ? null : h("span", { class: "wechat" }, "@微信"))),
      h("span", { class: "line-text" }, `${factText(seat.joined_at, ctx.now())} 进群`)))))));
}
