// 群发助手: the tasks that the company made and a member taps.

import { attachment } from "./bubbles.js";
import { h, icon } from "./dom.js";
import { actionButton, empty } from "./parts.js";
import { linked } from "./richtext.js";
import { whenText } from "./times.js";

const STATES = { pending: "待发送", sent: "已发送", cancelled: "已取消" };
const OPEN_UP_TO = 6; // longer lists of recipients are folded

export function massTasks(ctx, view, userid) {
  if (view.mass_tasks.length === 0) return empty("send-many", "没有群发任务", "审批通过的社群内容到点后会出现在这里，点“发送”才会发出去。");
  const waiting = view.mass_tasks.filter((task) => task.state === "pending");
  const over = view.mass_tasks.filter((task) => task.state !== "pending");
  return h("div", { class: "tasks" }, [...waiting, ...over].map((task) => card(ctx, task, userid)));
}

function card(ctx, task, userid) {
  const pending = task.state === "pending";
  const groups = task.chat_type === "group";
  const key = `mass/${userid}/${task.msgid}`;
  const choose = pending && task.allow_select && task.recipients.length === task.recipients_total;
  return h("form", {
    class: `task ${pending ? "" : "task-over"}`, key: task.msgid, "data-testid": "task-mass", "data-state": task.state,
    onsubmit: (event) => {
      event.preventDefault();
      send(ctx, task, userid, key, choose ? new FormData(event.currentTarget).getAll("to") : null);
    },
  },
  h("header", { class: "task-head" },
    h("span", { class: `chip ${pending ? "chip-wait" : task.state === "sent" ? "chip-done" : ""}` }, STATES[task.state]),
    h("strong", {}, groups ? "群发到客户群" : "群发给客户"),
    h("span", { class: "task-when" }, whenText(task.sent_at ?? task.created_at, ctx.now()))),
  task.reminders ? h("p", { class: "task-nudge" }, icon("bell"), `管理员提醒过 ${task.reminders} 次`) : null,
  task.text ? h("p", { class: "task-text" }, linked(task.text)) : null,
  task.attachments.length ? h("div", { class: "task-files" }, task.attachments.map((part) => attachment(ctx, part))) : null,
  recipients(task, groups, choose),
  pending ? actionButton(ctx, key, { type: "submit", class: "button button-wide", "data-testid": "tap-send" }, "发送") : null);
}

function recipients(task, groups, choose) {
  const list = h("ul", { class: "recipients" }, task.recipients.map((to) => h("li", { key: to.id },
    choose
      ? h("label", { class: "check" }, h("input", { type: "checkbox", name: "to", value: to.id, checked: true }), h("span", {}, to.name))
      : h("span", {}, to.name),
    task.state === "pending" ? null : h("span", { class: `status status-${to.status}` }, to.status_text))),
  task.recipients.length < task.recipients_total ? h("li", { key: "more" }, `还有 ${task.recipients_total - task.recipients.length} 位`) : null);
  const title = `${choose ? "选择" : "发给这些"}${groups ? "客户群" : "客户"}（${task.recipients_total}）`;
  if (task.recipients.length <= OPEN_UP_TO) {
    return h("fieldset", { class: "task-to-list" }, h("legend", {}, title), list);
  }
  return h("details", { class: "task-to-list" }, h("summary", {}, title), list);
}

function send(ctx, task, userid, key, only) {
  if (only && only.length === 0) {
    ctx.toast("请至少选择一个发送对象。");
    return;
  }
  const body = { userid, msgid: task.msgid };
  if (only && only.length < task.recipients.length) body.only = only;
  ctx.act("tap-mass", body, key, ({ results }) => {
    const done = Object.values(results).filter((status) => status === 1).length;
    const total = only ? only.length : task.recipients_total;
    ctx.toast(done === total ? `已发送给 ${done} 个${task.chat_type === "group" ? "群" : "客户"}。` : `已发送 ${done} 个，${total - done} 个没有送达。`);
  });
}
