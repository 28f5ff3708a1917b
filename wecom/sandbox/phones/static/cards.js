// Template cards: five kinds, drawn from WeCom's own object; taps go to the sandbox and come back as updates.

import { h, icon } from "./dom.js";
import { outLink, picture } from "./parts.js";

const DESC_COLOURS = ["grey", "black", "red", "green"];

/** Show the copy of a card that `userid` holds. Everything in it may be missing. */
export function templateCard(ctx, copy, userid) {
  const card = copy.card;
  const waiting = copy.clicked_key && copy.updates === 0 && copy.tappable;
  const form = h("form", {
    class: "card", key: `${copy.task_id}@${copy.updates}`, "data-testid": "card", "data-task": copy.task_id,
    "data-replaced": copy.replaced || null, "aria-label": card.main_title?.title ?? "卡片", onsubmit: (event) => event.preventDefault(),
  },
  head(card, copy, ctx, userid),
  copy.forwarded ? h("p", { class: "card-forwarded" }, "转给你的副本，你不是接收人") : null,
  card.card_image ? picture(ctx, card.card_image.url, "", "card-image") : null,
  imageText(ctx, card.image_text_area),
  card.emphasis_content ? h("p", { class: "card-emphasis" }, h("strong", {}, card.emphasis_content.title), card.emphasis_content.desc) : null,
  quote(card.quote_area),
  card.sub_title_text ? h("p", { class: "card-sub" }, card.sub_title_text) : null,
  facts(card.horizontal_content_list),
  (card.vertical_content_list ?? []).map((row) => h("p", { class: "card-vertical" }, h("strong", {}, row.title), row.desc)),
  jumps(card.jump_list),
  questions(card, copy),
  buttons(ctx, card, copy, userid),
  waiting ? h("p", { class: "card-waiting", role: "status" }, "已点击，等待应用更新…") : null,
  card.card_action?.type === 1 ? outLink(card.card_action.url, { class: "card-action" }, "查看详情", icon("next")) : null,
  card.card_action?.type === 2 ? h("p", { class: "card-action" }, "查看详情（小程序）") : null);
  return form;
}

function head(card, copy, ctx, userid) {
  const menu = card.action_menu;
  return [
    card.source?.desc || menu ? h("div", { class: "card-source" },
      card.source?.icon_url ? picture(ctx, card.source.icon_url, "", "card-source-icon") : null,
      h("span", { class: `source-${DESC_COLOURS[card.source?.desc_color ?? 0] ?? "grey"}` }, card.source?.desc ?? ""),
      menu ? h("details", { class: "card-menu" }, h("summary", { "aria-label": menu.desc || "更多操作" }, icon("more")),
        h("div", { class: "card-menu-list" }, menu.action_list.map((action) =>
          h("button", { type: "button", onclick: () => tap(ctx, copy, userid, action.key, {}, true) }, action.text)))) : null) : null,
    card.main_title?.title ? h("p", { class: "card-title" }, card.main_title.title) : null,
    card.main_title?.desc ? h("p", { class: "card-desc" }, card.main_title.desc) : null,
  ];
}

function imageText(ctx, area) {
  if (!area) return null;
  return outLink(area.type === 1 ? area.url : null, { class: "card-imagetext" }, picture(ctx, area.image_url, "", "card-imagetext-picture"),
    h("span", {}, h("strong", {}, area.title ?? ""), area.desc ?? ""));
}

function quote(area) {
  if (!area || !(area.quote_text || area.title)) return null;
  return outLink(area.type === 1 ? area.url : null, { class: "card-quote" },
    area.title ? h("strong", {}, area.title) : null, area.quote_text ?? "");
}

function facts(rows) {
  if (!rows?.length) return null;
  return h("dl", { class: "card-facts" }, rows.map((row) => h("div", {}, h("dt", {}, row.keyname),
    h("dd", {}, row.type === 1 ? outLink(row.url, {}, row.value || "查看") : row.value || row.userid || ""))));
}

function jumps(rows) {
  return (rows ?? []).map((row) => outLink(row.type === 1 ? row.url : null, { class: "card-jump" }, row.title, icon("next")));
}

function questions(card, copy) {
  const off = !copy.tappable;
  const select = (part, key) => h("label", { class: "card-select", key }, h("span", {}, part.title ?? "请选择"),
    h("select", { name: part.question_key, disabled: off || part.disable },
      part.option_list.map((option) => h("option", { value: option.id, selected: option.id === part.selected_id }, option.text))));
  return [
    card.button_selection ? select(card.button_selection, "s") : null,
    (card.select_list ?? []).map((part, at) => select(part, `s${at}`)),
    card.checkbox ? h("fieldset", { class: "card-options" }, h("legend", { class: "hidden-text" }, card.main_title?.title ?? "请选择"),
      card.checkbox.option_list.map((option) => h("label", {}, h("input", {
        type: card.checkbox.mode === 1 ? "checkbox" : "radio", name: card.checkbox.question_key, value: option.id,
        checked: option.is_checked, disabled: off || card.checkbox.disable,
      }), option.text))) : null,
  ];
}

function buttons(ctx, card, copy, userid) {
  const list = card.button_list ?? (card.submit_button ? [{ ...card.submit_button, style: 1 }] : []);
  if (list.length === 0) return null;
  const said = copy.replaced || card.replace_text;
  if (said) return h("div", { class: "card-buttons" }, h("button", { type: "button", disabled: true, class: "card-button card-button-done" }, said));
  return h("div", { class: `card-buttons ${list.length > 2 ? "card-buttons-many" : ""}` }, list.map((button) => {
    const look = `card-button style-${button.style ?? 1}`;
    if (button.type === 1) return outLink(button.url, { class: look }, button.text);
    const busy = ctx.busy.has(`card/${userid}/${copy.task_id}`);
    return h("button", {
      type: "button", class: look, disabled: busy || !copy.tappable, "data-key": button.key,
      "aria-pressed": copy.clicked_key === button.key ? "true" : null,
      onclick: (event) => tap(ctx, copy, userid, button.key, chosen(event.currentTarget.form)),
    }, button.text);
  }));
}

function chosen(form) {
  const selected = {};
  for (const [question, option] of new FormData(form)) (selected[question] ??= []).push(option);
  return selected;
}

function tap(ctx, copy, userid, key, selected, menu = false) {
  ctx.act("tap-card", { userid, task_id: copy.task_id, key, selected, menu }, `card/${userid}/${copy.task_id}`);
}
