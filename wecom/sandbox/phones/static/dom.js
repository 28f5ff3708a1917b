// Builds and updates the page. There is no way here from a string to markup: every string that comes
// in becomes a text node or an attribute, so that a patient's name can never be read as HTML.

const HANDLERS = ["onclick", "onsubmit", "onchange", "oninput", "onkeydown", "onerror"];
const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. Props: `key` (identity among siblings), `on…` (handlers), anything else is an
 * attribute; null, undefined and false leave it out. Children: strings, nodes, arrays, null.
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "key") element.key = String(value);
    else if (HANDLERS.includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.append(child instanceof Node ? child : String(child));
  }
}

/** Show one of the symbols of icons.svg; it says nothing by itself, the button around it has a label. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Make `parent` show `wanted`, keeping every element that is still the same one: focus, scroll
 * positions, half-written texts and open details survive a live update.
 */
export function show(parent, wanted) {
  const nodes = [];
  const flatten = (list) => {
    for (const item of list) {
      if (item === null || item === undefined || item === false) continue;
      if (Array.isArray(item)) flatten(item);
      else nodes.push(item instanceof Node ? item : document.createTextNode(String(item)));
    }
  };
  flatten(Array.isArray(wanted) ? wanted : [wanted]);
  reconcile(parent, nodes);
}

function reconcile(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (child.key !== undefined) keyed.set(child.key, child);
  let at = parent.firstChild;
  for (const next of wanted) {
    const old = next.key === undefined ? at : keyed.get(next.key);
    if (old && old.key === next.key && old.nodeName === next.nodeName) {
      keyed.delete(next.key);
      if (old === at) at = at.nextSibling;
      else parent.insertBefore(old, at);
      patch(old, next);
    } else {
      parent.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function patch(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // What a reader opened stays open; the browser, not we, owns that attribute.
    if (!next.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const handler of HANDLERS) if (old[handler] !== next[handler]) old[handler] = next[handler];
  reconcile(old, [...next.childNodes]);
}
