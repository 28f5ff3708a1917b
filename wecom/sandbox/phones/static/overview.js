// Everybody at a glance: staff, groups, patients. The same list is the side column once phones are open.

import { phoneKey } from "./address.js";
import { h, icon } from "./dom.js";
import { avatar, badge, empty } from "./parts.js";
import { channelName } from "./words.js";

const BIG = 60; // members; a corp with more is looked through, not looked over
const FEW = 24;

export function overview(ctx) {
  const { state } = ctx.tenant;
  if (!state) {
    return h("nav", { class: "overview", "aria-label": "所有手机" },
      ctx.tenant.reachable ? h("p", { class: "boot" }, "正在读取沙盒…") : empty("bolt", "连不上沙盒", "确认它还在运行；恢复后这里会自己刷新。"));
  }
  const open = new Set(ctx.address.open.map(phoneKey));
  const found = matching(state.patients, ctx.filter);
  const big = state.members.length > BIG;
  const some = (list, show) => (big ? few(list, ctx.filter, show) : list.map(show));
  return h("nav", { class: "overview", "aria-label": "所有手机", "data-testid": "overview" },
    h("div", { class: "overview-lead" },
      h("h1", {}, big ? "整个连锁的所有手机" : "一间门诊的所有手机"),
      h("p", {}, "点开任何人，看他在企业微信或微信里看到的一切。电脑上可以并排放几部。"),
      h("button", { type: "button", class: "button", "data-testid": "scan", onclick: () => ctx.sheets.add() }, icon("scan"), "患者扫码添加"),
      big ? search(ctx, "找成员、客户群或患者") : null),
    section("成员 · 企业微信", state.members.length, some(state.members, (member) => item(ctx, open, {
      kind: "members", id: member.userid, name: member.name, face: "member",
      text: [member.position, member.patients ? `${member.patients} 位客户` : ""].filter(Boolean).join(" · "),
      count: member.mass_pending + member.moments_pending,
    }))),
    section("客户群", state.groups.length, some(state.groups, (group) => item(ctx, open, {
      kind: "groups", id: group.chat_id, name: group.name, face: "group",
      text: group.dismissed ? "已解散" : `群主 ${group.owner_name} · ${group.members_total} 人`,
    }))),
    section("患者 · 微信", state.patients_total, [
      found.length ? null : h("li", { class: "nobody" }, "没有叫这个名字的患者。"),
      found.map((patient) => item(ctx, open, {
        kind: "patients", id: patient.external_userid, name: patient.name, face: "patient", text: knows(patient),
      })),
    ], big ? null : search(ctx, "找一位患者")));
}

/** Some of many: those whose name is looked for, and never so many that the patients are out of reach. */
function few(list, filter, show) {
  const wanted = filter.trim().toLowerCase();
  const found = list.filter((one) => one.name.toLowerCase().includes(wanted));
  const rest = found.length - FEW;
  return [found.slice(0, FEW).map(show), rest > 0 ? h("li", { class: "nobody", key: "rest" }, `还有 ${rest} 个，用上面的搜索找。`) : null];
}

function matching(patients, filter) {
  const wanted = filter.trim().toLowerCase();
  return wanted ? patients.filter((patient) => `${patient.name} ${patient.follows.map((one) => one.remark).join(" ")}`.toLowerCase().includes(wanted)) : patients;
}

function knows(patient) {
  const standing = patient.follows.filter((follow) => !follow.lost_at);
  if (standing.length === 0) return patient.follows.length ? "已删除所有成员" : "还没有添加任何成员";
  return `${standing.map((follow) => follow.name).join("、")} · ${channelName(standing[0].state)}`;
}

function section(title, count, items, tool = null) {
  return h("section", { class: "people", key: title },
    h("header", {}, h("h2", {}, title, h("span", { class: "people-count" }, String(count))), tool),
    h("ul", {}, items));
}

function search(ctx, label) {
  return h("label", { class: "search" }, icon("search"), h("span", { class: "hidden-text" }, label),
    h("input", { type: "search", placeholder: label, autocomplete: "off", oninput: (event) => {
      ctx.filter = event.currentTarget.value;
      const { state } = ctx.tenant;
      if (state.patients.length < state.patients_total) ctx.tenant.seek(null, ctx.filter); // not all of them are here
      ctx.changed();
    } }));
}

function item(ctx, open, { kind, id, name, face, text, count = 0 }) {
  const phone = { kind, id, screen: [] };
  const isOpen = open.has(phoneKey(phone));
  return h("li", { key: id }, h("a", {
    class: "person", href: ctx.beside(phone), "data-testid": "person", "data-kind": kind, "data-id": id, "aria-current": isOpen ? "true" : null,
  },
  avatar(name, id, face),
  h("span", { class: "person-body" }, h("span", { class: "person-name" }, name), h("span", { class: "person-text" }, text)),
  badge(count)));
}
