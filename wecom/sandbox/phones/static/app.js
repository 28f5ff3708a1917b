// The page: an address says which phones are open, the tenant says what they show, and draw() puts it there.

import { phoneKey, readAddress, withPhone, withoutPhone, writeAddress } from "./address.js";
import { clock } from "./controls.js";
import { h, icon, show } from "./dom.js";
import { screen, stand } from "./frame.js";
import { groupScreen } from "./group.js";
import { memberScreen } from "./member.js";
import { overview } from "./overview.js";
import { empty } from "./parts.js";
import { patientScreen } from "./patient.js";
import { Sheets } from "./sheets.js";
import { call, Tenant } from "./tenant.js";
import { mistakeText } from "./words.js";

const TOAST_MS = 4000;
const CLOCK_MS = 5000;
const NEAR_PX = 60; // so near to its end a conversation follows new messages
const KINDS = {
  members: { screen: memberScreen, app: "企业微信", face: "member", name: (view) => view.member.name },
  patients: { screen: patientScreen, app: "微信", face: "patient", name: (view) => view.patient.name },
  groups: { screen: groupScreen, app: "客户群", face: "group", name: (view) => view.group.name },
};

class Page {
  address = readAddress(location.hash);
  busy = new Set(); // keys of actions on their way
  filter = "";
  tenant = new Tenant(() => this.changed());
  sheets = new Sheets(this, document.getElementById("sheet"));
  #root = document.getElementById("app");
  #toast = document.getElementById("toast");
  #toastTimer = null;
  #drawing = false;
  #moved = false; // the address changed: focus follows
  #inside = false; // focus was in a phone before it was drawn anew
  #pinned = new WeakMap(); // conversation -> whether it follows its end

  start() {
    window.addEventListener("hashchange", () => {
      this.address = readAddress(location.hash);
      this.#moved = true;
      this.tenant.watch(this.address.open);
      this.draw();
    });
    document.addEventListener("scroll", (event) => this.#remember(event.target), true);
    document.addEventListener("load", (event) => this.#follow(event.target.closest?.("[data-stick]")), true);
    setInterval(() => this.changed(), CLOCK_MS);
    this.tenant.watch(this.address.open);
    this.tenant.start();
    this.draw();
  }

  // -- what screens use ---------------------------------------------------------------------------

  now() {
    return this.tenant.now();
  }

  /** The address of another screen of the same phone. */
  to(phone, ...path) {
    return writeAddress(withPhone(this.address, { ...phone, screen: path }));
  }

  /** The address with this phone open beside the others; one that is open keeps its screen. */
  beside(phone) {
    const open = phone.screen.length ? null : this.address.open.find((other) => phoneKey(other) === phoneKey(phone));
    return writeAddress(withPhone(this.address, open ?? phone));
  }

  without(phone) {
    return writeAddress(withoutPhone(this.address, phone));
  }

  go(hash) {
    location.hash = hash;
  }

  changed() {
    if (this.#drawing) return;
    this.#drawing = true;
    setTimeout(() => {
      this.#drawing = false;
      this.draw();
    }, 0);
  }

  /** Do what a person does. Resolves to whether it happened; a refusal is told to the reader. */
  act(name, body, key = "", done = null) {
    return this.#attempt(key, () => call("POST", `actions/${name}`, body), done);
  }

  advance(seconds) {
    return this.#attempt("clock", () => call("POST", "clock/advance", { seconds }), null);
  }

  async #attempt(key, work, done) {
    if (key && this.busy.has(key)) return false;
    if (key) this.busy.add(key);
    this.changed();
    try {
      const answer = await work();
      done?.(answer);
      return true;
    } catch (problem) {
      this.toast(problem instanceof TypeError ? "连不上沙盒，没有成功。" : mistakeText(problem.message));
      return false;
    } finally {
      this.busy.delete(key);
      if (!this.tenant.live) this.tenant.refreshAll();
      this.changed();
    }
  }

  toast(text) {
    clearTimeout(this.#toastTimer);
    this.#toast.textContent = text;
    // Shown anew each time, so that it lies above a sheet that was opened since.
    if (this.#toast.matches(":popover-open")) this.#toast.hidePopover();
    this.#toast.showPopover();
    this.#toastTimer = setTimeout(() => this.#toast.hidePopover(), TOAST_MS);
  }

  // -- drawing --------------------------------------------------------------------------------------

  draw() {
    const { front, open } = this.address;
    const focused = document.activeElement;
    this.#inside = Boolean(focused?.closest?.(".stand, .sheet"));
    show(this.#root, h("div", { class: `page ${front ? "has-front" : ""}` },
      this.#top(), h("div", { class: "desk" }, overview(this), front ? h("main", { class: "stands", key: "stands" }, open.map((phone) => this.#phone(phone))) : null)));
    this.sheets.redraw();
    for (const log of this.#root.querySelectorAll("[data-stick]")) this.#follow(log);
    this.#refocus(focused);
    document.title = front ? `${this.#nameOf(front)} · 小护沙盒` : "小护沙盒";
  }

  #top() {
    const { front, open } = this.address;
    const status = this.tenant.live ? ["live", "实时更新"] : this.tenant.reachable ? ["polling", "正在重连，每 3 秒刷新"] : ["lost", "连不上沙盒"];
    return h("header", { class: "top" },
      h("a", { class: "brand", href: writeAddress({ front: null, open }), "aria-label": front ? "回到总览" : "小护沙盒" }, icon(front ? "back" : "phone", "icon brand-icon"), h("span", {}, "小护沙盒")),
      open.length > 1 && front ? h("nav", { class: "switcher", "aria-label": "打开的手机" }, open.map((phone) =>
        h("a", { key: phoneKey(phone), href: this.beside(phone), "aria-current": phoneKey(phone) === phoneKey(front) ? "true" : null }, this.#nameOf(phone)))) : null,
      h("p", { class: `status-dot status-${status[0]}`, role: "status", "data-testid": "connection", "data-state": status[0] }, h("span", {}, status[1])),
      clock(this),
      h("button", { type: "button", class: "button button-quiet button-small", "data-testid": "tools", onclick: () => this.sheets.tools() }, icon("bolt"), h("span", { class: "tools-text" }, "时间与故障")));
  }

  #nameOf(phone) {
    const view = this.tenant.view(phone)?.data;
    return view ? KINDS[phone.kind].name(view) : phone.id;
  }

  #phone(phone) {
    const kind = KINDS[phone.kind];
    const found = this.tenant.view(phone);
    const front = this.address.front && phoneKey(this.address.front) === phoneKey(phone);
    const head = { name: this.#nameOf(phone), face: kind.face, app: kind.app, front };
    let content;
    if (found?.data) content = kind.screen(this, phone, found.data);
    else if (found?.missing) content = screen(this, phone, { title: "找不到" }, empty("phone", "沙盒里没有这部手机", "也许沙盒重新开始过；回到总览选一位。"));
    else content = screen(this, phone, { title: "…" }, h("p", { class: "boot" }, "正在打开…"));
    return stand(this, phone, head, content);
  }

  // -- focus and scrolling -------------------------------------------------------------------------

  #refocus(focused) {
    if (focused?.isConnected && document.activeElement !== focused && focused !== document.body) focused.focus({ preventScroll: true });
    if (!this.#moved) return;
    this.#moved = false;
    const front = this.#root.querySelector(".stand.front");
    if (!front) return;
    const box = front.getBoundingClientRect();
    if (box.left < 0 || box.right > innerWidth) front.scrollIntoView({ block: "nearest", inline: "nearest" });
    // Who went somewhere inside a phone goes on from that phone; an address typed or loaded moves nobody.
    if (this.#inside && document.activeElement === document.body) front.querySelector(".bar-title")?.focus({ preventScroll: true });
  }

  #remember(log) {
    if (log.nodeType === Node.ELEMENT_NODE && log.hasAttribute("data-stick")) {
      this.#pinned.set(log, log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX);
    }
  }

  #follow(log) {
    if (log && (this.#pinned.get(log) ?? true)) log.scrollTop = log.scrollHeight;
  }
}

new Page().start();
