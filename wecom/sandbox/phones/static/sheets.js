// What opens over the page: scanning a code, comments, pictures, questions, and the sandbox's own controls.

import { h, icon, show } from "./dom.js";
import { choices, field, picture } from "./parts.js";
import { controls } from "./controls.js";
import { CHANNELS } from "./words.js";

const OTHER = "…";

export class Sheets {
  #ctx;
  #dialog;
  #draw = null;

  constructor(ctx, dialog) {
    this.#ctx = ctx;
    this.#dialog = dialog;
    dialog.addEventListener("close", () => {
      this.#draw = null;
      show(dialog, []);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside the sheet
    });
  }

  /** Draw the open sheet again; the page's data may have changed. */
  redraw() {
    if (this.#draw) show(this.#dialog, this.#draw());
  }

  #open(title, look, body) {
    if (this.#dialog.open) this.#dialog.close();
    this.#dialog.className = `sheet ${look}`;
    this.#draw = () => h("div", { class: "sheet-body", key: title },
      h("header", { class: "sheet-head" }, h("h2", { id: "sheet-title" }, title),
        h("button", { type: "button", class: "bar-button", "aria-label": "关闭", onclick: () => this.close() }, icon("close"))),
      body());
    this.redraw();
    this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }

  tools() {
    controls.load(this.#ctx);
    this.#open("沙盒", "sheet-tools", () => controls.show(this.#ctx));
  }

  picture(url, alt) {
    this.#open("图片", "sheet-picture", () => picture(this.#ctx, url, alt || "图片"));
  }

  confirm({ title, text, yes, act }) {
    this.#open(title, "", () => [
      h("p", { class: "sheet-text" }, text),
      h("div", { class: "sheet-buttons" },
        h("button", { type: "button", class: "button button-quiet", onclick: () => this.close() }, "取消"),
        h("button", { type: "button", class: "button button-danger", onclick: () => { this.close(); act(); } }, yes)),
    ]);
  }

  comment(moment, me) {
    this.#open(`评论${moment.name}`, "", () => h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        const text = new FormData(event.currentTarget).get("text").trim();
        const body = { userid: moment.userid, external_userid: me, moment_id: moment.moment_id, text };
        if (text && (await this.#ctx.act("comment-moment", body))) this.close();
      },
    },
    field("text", "想说的话", h("textarea", { id: "field-text", name: "text", rows: "3", maxlength: "500", required: true })),
    h("div", { class: "sheet-buttons" }, h("button", { type: "submit", class: "button" }, "发表评论"))));
  }

  /** A patient scans a member's code; `me` and `userid` are given when the phone or the chat says who. */
  add(me = null, userid = null) {
    const choice = { who: me ?? "", channel: CHANNELS[0][0] };
    this.#open("添加企业微信", "", () => this.#addForm(choice, me, userid));
  }

  #addForm(choice, me, userid) {
    const { members = [], patients = [], contact_ways: ways = [] } = this.#ctx.tenant.state ?? {};
    const redraw = () => this.redraw();
    const known = new Set(CHANNELS.map(([key]) => key));
    const more = [...new Set(ways.map((way) => way.state).filter((state) => state && !known.has(state)))];
    const person = patients.find((one) => one.external_userid === me);
    return h("form", { class: "sheet-form", onsubmit: (event) => { event.preventDefault(); this.#scan(new FormData(event.currentTarget), me); } },
      me ? h("p", { class: "sheet-text" }, `${person?.name ?? "她"}用微信扫门诊的码。`) : [
        field("who", "谁来扫码", h("select", { id: "field-who", name: "who", onchange: (event) => { choice.who = event.currentTarget.value; redraw(); } },
          h("option", { value: "" }, "一位新患者"), patients.map((one) => h("option", { value: one.external_userid }, one.name)))),
        choice.who ? null : h("div", { key: "new" }, field("name", "微信昵称", h("input", { id: "field-name", name: "name", value: "小雨点", maxlength: "32", required: true, autocomplete: "off" }))),
      ],
      field("userid", "添加哪位成员", choices("userid", members.map((member) => [member.userid, `${member.name}（${member.position || "成员"}）`]), userid ?? members[0]?.userid)),
      field("channel", "扫的是哪个码", h("select", { id: "field-channel", name: "channel", onchange: (event) => { choice.channel = event.currentTarget.value; redraw(); } },
        CHANNELS.map(([key, label]) => h("option", { value: key }, label)), more.map((key) => h("option", { value: key }, key)),
        h("option", { value: "" }, "没有渠道参数"), h("option", { value: OTHER }, "其他…"))),
      choice.channel === OTHER ? h("div", { key: "state" }, field("state", "渠道参数（state）", h("input", { id: "field-state", name: "state", maxlength: "30", required: true, autocomplete: "off" }))) : null,
      h("label", { class: "check" }, h("input", { type: "checkbox", name: "half" }), h("span", {}, "成员还没有确认（对应“半添加”回调）")),
      h("div", { class: "sheet-buttons" }, h("button", { type: "submit", class: "button button-wide", "data-testid": "scan-add" }, icon("scan"), "扫码添加")));
  }

  async #scan(form, me) {
    const channel = form.get("channel");
    const body = { userid: form.get("userid"), state: channel === OTHER ? form.get("state").trim() : channel };
    const who = me ?? form.get("who");
    if (who) body.external_userid = who;
    else body.name = form.get("name").trim() || "新朋友";
    if (form.get("half")) body.half = true;
    await this.#ctx.act("patient-adds-member", body, "scan", (answer) => {
      this.close();
      this.#ctx.go(this.#ctx.beside({ kind: "patients", id: answer.external_userid, screen: ["chats", body.userid] }));
    });
  }
}
