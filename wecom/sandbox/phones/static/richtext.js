// The few marks that WeCom's messages know, read into nodes. Whatever is not one of them stays text.

import { h } from "./dom.js";
import { outLink } from "./parts.js";

const FONT = new Set(["info", "comment", "warning"]);

/** Plain text with addresses and WeCom's <a href="…"> made into links. */
export function linked(text) {
  const nodes = [];
  const pattern = /<a\s+href=["']([^"'<>]+)["']\s*>([^<]*)<\/a>|(https?:\/\/[^\s<>"'，。；！？、）】]+)/gi;
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    nodes.push(text.slice(from, found.index));
    nodes.push(outLink(found[1] ?? found[3], {}, found[2] ?? found[3]));
    from = found.index + found[0].length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

/** A textcard's description: <div class="gray|normal|highlight">…</div> and plain lines. */
export function described(text) {
  const nodes = [];
  const pattern = /<div\s+class=["'](gray|normal|highlight)["']\s*>([^<]*)<\/div>/gi;
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    nodes.push(text.slice(from, found.index));
    nodes.push(h("span", { class: `told told-${found[1].toLowerCase()}` }, found[2]));
    from = found.index + found[0].length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "").map((node) => (typeof node === "string" ? node.replace(/<br\s*\/?>/gi, "\n") : node));
}

function inline(text) {
  const nodes = [];
  const pattern = /\*\*([^*]+)\*\*|`([^`]+)`|\[([^\]]*)\]\(([^)\s]+)\)|<font\s+color=["'](\w+)["']\s*>([^<]*)<\/font>/g;
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    const [all, bold, code, label, url, colour, coloured] = found;
    nodes.push(text.slice(from, found.index));
    if (bold !== undefined) nodes.push(h("strong", {}, inline(bold)));
    else if (code !== undefined) nodes.push(h("code", {}, code));
    else if (label !== undefined) nodes.push(outLink(url, {}, label || url));
    else nodes.push(h("span", { class: FONT.has(colour) ? `font-${colour}` : null }, inline(coloured)));
    from = found.index + all.length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

/** WeCom's markdown subset: headings, bold, code, links, quotes, three colours. */
export function markdown(text) {
  return h("div", { class: "markdown" }, text.split("\n").map((line) => {
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (heading) return h("p", { class: "markdown-head" }, inline(heading[2]));
    if (line.startsWith(">")) return h("p", { class: "markdown-quote" }, inline(line.replace(/^>\s?/, "")));
    return h("p", {}, line.trim() ? inline(line) : "\u00a0");
  }));
}
