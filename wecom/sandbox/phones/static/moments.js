// 朋友圈: what a patient sees of her members, and what a member is asked to publish.

import { h, icon } from "./dom.js";
import { actionButton, avatar, empty, outLink, picture, zoomable } from "./parts.js";
import { linked } from "./richtext.js";
import { agoText, whenText } from "./times.js";

/** The content of a moment: text, then a grid of pictures, a film, or one link. */
function content(ctx, moment) {
  const images = moment.attachments.filter((part) => part.kind === "image");
  const others = moment.attachments.filter((part) => part.kind !== "image");
  return [
    moment.text ? h("p", { class: "moment-text" }, linked(moment.text)) : null,
    images.length ? h("div", { class: `grid grid-${Math.min(images.length, 9)}` }, images.map((part, at) =>
      zoomable(ctx, part.picture, `第 ${at + 1} 张图片`))) : null,
    others.map((part) => other(ctx, part)),
  ];
}

function other(ctx, part) {
  if (part.kind === "video") {
    return h("video", { class: "moment-video", controls: true, preload: "metadata", src: part.picture ?? "", "aria-label": "视频" });
  }
  if (part.kind === "link") {
    return outLink(part.url, { class: "moment-link" },
      part.picture ? picture(ctx, part.picture, "") : h("span", { class: "picture picture-none" }, icon("link")),
      h("span", {}, part.title || part.url));
  }
  return h("p", { class: "moment-text" }, `[${part.kind}]`);
}

/** A patient's feed. She sees her own likes and comments only: other customers are strangers to her. */
export function feed(ctx, view, me) {
  if (view.moments.length === 0) {
    return empty("moments", "还没有朋友圈", "她加的成员在手机上点“发表”之后，这里就会出现。");
  }
  return h("div", { class: "feed" }, view.moments.map((moment) => {
    const key = `like/${me}/${moment.userid}/${moment.moment_id}`;
    const mine = moment.comments.filter((comment) => comment.external_userid === me);
    return h("article", { class: "moment", key: `${moment.moment_id}/${moment.userid}`, "data-testid": "moment", "data-moment": moment.moment_id },
      avatar(moment.name, moment.userid, "member"),
      h("div", { class: "moment-body" },
        h("h4", { class: "moment-name" }, moment.name),
        content(ctx, moment),
        h("div", { class: "moment-foot" },
          h("time", { datetime: moment.published_at }, agoText(moment.published_at, ctx.now())),
          h("button", {
            type: "button", class: "moment-act", "aria-pressed": moment.liked ? "true" : "false", disabled: ctx.busy.has(key), "data-testid": "like",
            onclick: () => ctx.act("like-moment", { userid: moment.userid, external_userid: me, moment_id: moment.moment_id, liked: !moment.liked }, key),
          }, icon(moment.liked ? "heart-full" : "heart"), moment.liked ? "已赞" : "赞"),
          h("button", { type: "button", class: "moment-act", onclick: () => ctx.sheets.comment(moment, me) }, icon("comment"), "评论")),
        moment.liked || mine.length ? h("div", { class: "moment-said" },
          moment.liked ? h("p", { class: "moment-likes" }, icon("heart"), "我") : null,
          mine.map((comment) => h("p", {}, h("strong", {}, "我："), comment.text))) : null));
  }));
}

const ENDED = { cancelled: "已取消" };

/** A member's screen: what waits for a tap first, then what was published. */
export function momentTasks(ctx, view) {
  const waiting = view.moments.filter((moment) => moment.state !== "published");
  const published = view.moments.filter((moment) => moment.state === "published");
  if (view.moments.length === 0) return empty("moments", "没有要发表的朋友圈", "审批通过的内容到点后会出现在这里，点“发表”客户就能看到。");
  return h("div", { class: "tasks" },
    waiting.length ? h("h4", { class: "tasks-title" }, "企业下发，等待发表") : null,
    waiting.map((moment) => task(ctx, moment)),
    published.length ? h("h4", { class: "tasks-title" }, "我发表的") : null,
    h("div", { class: "feed" }, published.map((moment) => own(ctx, moment))));
}

function task(ctx, moment) {
  const key = `publish/${moment.userid}/${moment.moment_id}`;
  const pending = moment.state === "pending";
  return h("article", { class: `task ${pending ? "" : "task-over"}`, key: moment.moment_id, "data-testid": "task-moment", "data-state": moment.state },
    h("header", { class: "task-head" }, h("span", { class: `chip ${pending ? "chip-wait" : ""}` }, pending ? "待发表" : ENDED[moment.state]),
      h("span", { class: "task-when" }, `${whenText(moment.created_at, ctx.now())} 下发`)),
    content(ctx, moment),
    h("p", { class: "task-to" }, `可见范围：${moment.public ? "我的全部客户" : "带指定标签的客户"}`),
    pending ? actionButton(ctx, key, {
      class: "button button-wide", "data-testid": "tap-publish",
      onclick: () => ctx.act("publish-moment", { userid: moment.userid, moment_id: moment.moment_id }, key, (answer) =>
        ctx.toast(`已发表，${answer.seen_by.length} 位客户可见。`)),
    }, "发表") : null);
}

function own(ctx, moment) {
  return h("article", { class: "moment", key: moment.moment_id, "data-testid": "moment", "data-moment": moment.moment_id },
    avatar(moment.name, moment.userid, "member"),
    h("div", { class: "moment-body" },
      h("h4", { class: "moment-name" }, moment.name),
      content(ctx, moment),
      h("div", { class: "moment-foot" }, h("time", { datetime: moment.published_at }, agoText(moment.published_at, ctx.now())),
        h("span", {}, `${moment.seen_by} 位客户可见`)),
      moment.likes.length || moment.comments.length ? h("div", { class: "moment-said" },
        moment.likes.length ? h("p", { class: "moment-likes" }, icon("heart"), moment.likes.map((like) => like.name).join("，")) : null,
        moment.comments.map((comment) => h("p", {}, h("strong", {}, `${comment.name}：`), comment.text))) : null));
}
