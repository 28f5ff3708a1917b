// The sandbox's own controls: its clock, what goes wrong on purpose, and the callbacks it delivered.

import { h, icon } from "./dom.js";
import { field } from "./parts.js";
import { call } from "./tenant.js";
import { clockText, dayText, nextNine, whenText } from "./times.js";
import { API_TARGETS, CALLBACK_TARGETS, FAULT_KINDS, callbackState, mistakeText, targetName } from "./words.js";

const SHOWN = 8; // callbacks

/** The time, with the two ways to move it; the same in the top bar and in the sheet. */
export function clock(ctx) {
  const now = ctx.now();
  const nine = nextNine(now);
  return h("div", { class: "clock" },
    h("p", { class: "clock-now", "data-testid": "clock" }, icon("clock"), h("span", { class: "hidden-text" }, "沙盒时间 "), `${dayText(now)} ${clockText(now)}`),
    h("button", { type: "button", class: "button button-quiet button-small", disabled: ctx.busy.has("clock"), onclick: () => ctx.advance(3600) }, "前进 1 小时"),
    h("button", { type: "button", class: "button button-quiet button-small", disabled: ctx.busy.has("clock"), onclick: () => ctx.advance(nine.seconds) }, nine.label));
}

/** What a fault may strike: the usual ones by name, every other API by its path. */
function targets(usual, others) {
  const option = ([value, label]) => h("option", { value }, label);
  const named = new Set(usual.map(([value]) => value));
  const rest = others.filter((path) => !named.has(path)).map((path) => [path, path]);
  return h("select", { name: "target", id: "field-target" }, option(["*", "任意"]),
    h("optgroup", { label: "常用" }, usual.map(option)), rest.length ? h("optgroup", { label: "其他接口" }, rest.map(option)) : null);
}

function often(fault) {
  const chance = fault.probability < 1 ? ` · 概率 ${Math.round(fault.probability * 100)}%` : "";
  return (fault.times === null ? " · 一直" : ` · 还有 ${fault.times} 次`) + chance;
}

class Controls {
  #faults = null; // null: the sandbox has no such API
  #apis = [];
  #callbacks = null;
  #kind = FAULT_KINDS[0][0];

  /** Fetch what the sheet shows; a sandbox without these calls simply has a smaller sheet. */
  async load(ctx) {
    const ask = (path) => call("GET", path).catch(() => null);
    const [faults, callbacks] = await Promise.all([ask("faults"), ask("callbacks")]);
    this.#faults = faults?.items ?? null;
    this.#apis = faults?.apis ?? [];
    this.#callbacks = callbacks?.items ?? null;
    ctx.sheets.redraw();
  }

  show(ctx) {
    return [
      h("section", { class: "tool" }, h("h3", {}, "时间"), clock(ctx), h("p", { class: "field-hint" }, "只有沙盒的时间会前进：令牌、素材和任务随之变老。")),
      this.#faults ? this.#faultPanel(ctx) : null,
      this.#callbacks ? this.#callbackPanel(ctx) : null,
    ];
  }

  async #change(ctx, work) {
    try {
      await work();
    } catch (problem) {
      ctx.toast(mistakeText(problem.message));
    }
    await this.load(ctx);
  }

  #faultPanel(ctx) {
    const isCallback = this.#kind.endsWith("_callback");
    return h("section", { class: "tool" }, h("h3", {}, "故障"),
      this.#faults.length ? h("ul", { class: "faults" }, this.#faults.map((fault) => h("li", { key: fault.id },
        h("span", {}, `${FAULT_KINDS.find(([kind]) => kind === fault.kind)?.[1] ?? fault.kind} · ${targetName(fault.target)}`,
          fault.kind === "errcode" ? ` · ${fault.errcode}` : "", often(fault)),
        h("button", { type: "button", class: "bar-button", "aria-label": "去掉这个故障", onclick: () => this.#change(ctx, () => call("DELETE", `faults/${fault.id}`)) }, icon("close")))))
        : h("p", { class: "quiet" }, "没有故障在等着发生。"),
      h("form", {
        class: "sheet-form fault-form",
        onsubmit: (event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const body = { kind: form.get("kind"), target: form.get("target"), probability: Number(form.get("probability")) / 100 };
          body.times = form.get("times") ? Number(form.get("times")) : null;
          if (form.get("errcode")) body.errcode = Number(form.get("errcode"));
          if (form.get("delay_s")) body.delay_s = Number(form.get("delay_s"));
          this.#change(ctx, () => call("POST", "faults", body));
        },
      },
      field("kind", "发生什么", h("select", { id: "field-kind", name: "kind", onchange: (event) => { this.#kind = event.currentTarget.value; ctx.sheets.redraw(); } },
        FAULT_KINDS.map(([kind, label]) => h("option", { value: kind }, label)))),
      h("div", { key: isCallback ? "to-callback" : "to-api" }, field("target", isCallback ? "哪种回调" : "哪个接口", isCallback ? targets(CALLBACK_TARGETS, []) : targets(API_TARGETS, this.#apis))),
      this.#kind === "errcode" ? h("div", { key: "errcode" }, field("errcode", "错误码", h("input", { id: "field-errcode", name: "errcode", type: "number", value: "45009", required: true }))) : null,
      this.#kind === "delay" ? h("div", { key: "delay" }, field("delay_s", "多少秒", h("input", { id: "field-delay_s", name: "delay_s", type: "number", value: "6", min: "0", max: "120", required: true }))) : null,
      h("div", { key: "times" }, field("times", "几次", h("input", { id: "field-times", name: "times", type: "number", value: "1", min: "1", max: "999", placeholder: "一直" }), "不填就一直发生")),
      h("div", { key: "probability" }, field("probability", "概率 %", h("input", { id: "field-probability", name: "probability", type: "number", value: "100", min: "1", max: "100", required: true }), "由种子决定，可以重现")),
      h("div", { class: "sheet-buttons", key: "buttons" },
        h("button", { type: "button", class: "button button-quiet", onclick: () => ctx.act("revoke-token", {}, "", () => ctx.toast("令牌已作废，程序要重新获取。")) }, "作废令牌"),
        h("button", { type: "submit", class: "button" }, icon("bolt"), "埋下故障"))));
  }

  #callbackPanel(ctx) {
    const latest = this.#callbacks.slice(-SHOWN).reverse();
    return h("section", { class: "tool" }, h("h3", {}, "最近的回调"),
      latest.length ? h("ul", { class: "faults" }, latest.map((one) => h("li", { key: one.id },
        h("span", {}, h("strong", { title: one.event }, targetName(one.event)), h("span", { class: "quiet" }, ` ${whenText(one.created_at, ctx.now())} · ${callbackState(one)}`)),
        h("button", {
          type: "button", class: "button button-quiet button-small", disabled: one.attempts.length === 0,
          onclick: () => this.#change(ctx, async () => {
            const { status, error } = await call("POST", "callbacks/redeliver", { id: one.id });
            ctx.toast(error ? `没有送达：${error}` : `原样重发，应用回答 ${status}。`);
          }),
        }, "重发"))))
        : h("p", { class: "quiet" }, "还没有发出过回调。"));
  }
}

export const controls = new Controls();
