// The sandbox as this page knows it: views that are fetched again when something changed.
//
// Changes arrive as Server-Sent Events. While there is no stream the page asks every few seconds, and
// it keeps trying to get the stream back.

import { phoneKey } from "./address.js";

const API = "api";
const SETTLE_MS = 60; // one action changes several things: fetch once
const POLL_MS = 3000;
const RETRY_MS = 2000;

/** The sandbox refused; the message is its reason. */
export class Refused extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

export async function call(method, path, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  const response = await fetch(`${API}/${path}`, options);
  const text = await response.text();
  let answer = {};
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Refused(response.status, `沙盒的回答不是 JSON（HTTP ${response.status}）`);
  }
  if (!response.ok) throw new Refused(response.status, answer.error ?? `HTTP ${response.status}`);
  return answer;
}

/** The customer whose chat or card a member's phone shows: she may not be among the recent ones. */
function openChat(phone) {
  return phone.kind === "members" && ["chats", "customers"].includes(phone.screen[0]) ? phone.screen[1] ?? "" : "";
}

export class Tenant {
  state = null; // GET /state
  kfAccounts = []; // GET /kf: 微信客服
  live = false; // the event stream is open
  reachable = true;
  #views = new Map(); // phone key -> {data, missing}
  #wanted = new Map(); // phone key -> phone
  #stale = new Set(); // phone keys, "state"
  #searches = new Map(); // phone key or "state" -> what is looked for
  #running = new Set();
  #timer = null;
  #ahead = 0; // sandbox time minus ours, in ms
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  start() {
    this.#listen();
    setInterval(() => {
      if (!this.live && !document.hidden) this.refreshAll();
    }, POLL_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !this.live) this.refreshAll();
    });
    this.refreshAll();
  }

  now() {
    return new Date(Date.now() + this.#ahead);
  }

  /** Keep these phones' views fresh; the others are forgotten. */
  watch(phones) {
    const keys = new Map(phones.map((phone) => [phoneKey(phone), phone]));
    for (const key of this.#views.keys()) if (!keys.has(key)) this.#views.delete(key);
    for (const [key, phone] of keys) {
      const before = this.#wanted.get(key);
      if (!before || openChat(before) !== openChat(phone)) this.#touch(key);
    }
    this.#wanted = keys;
  }

  /** Return {data, missing} of a phone, or undefined while it is being fetched for the first time. */
  view(phone) {
    return this.#views.get(phoneKey(phone));
  }

  /** Look for people by name, on a phone or (null) among all patients; the sandbox never sends thousands. */
  seek(phone, text) {
    const key = phone ? phoneKey(phone) : "state";
    this.#searches.set(key, text.trim());
    this.#touch(key);
  }

  sought(phone) {
    return this.#searches.get(phone ? phoneKey(phone) : "state") ?? "";
  }

  #path(key, phone) {
    const query = new URLSearchParams();
    if (key === "state") query.set("limit", "500");
    else if (openChat(phone)) query.set("chat", openChat(phone));
    if (this.#searches.get(key)) query.set("search", this.#searches.get(key));
    return `${key === "state" ? key : `phones/${phone.kind}/${encodeURIComponent(phone.id)}`}?${query}`;
  }

  refreshAll() {
    this.#touch("state", ...this.#wanted.keys());
  }

  #touch(...keys) {
    for (const key of keys) this.#stale.add(key);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      for (const key of this.#stale) this.#fetch(key);
    }, SETTLE_MS);
  }

  /** What 微信客服 adds: the corp's accounts, or a phone's chats. */
  #service(key, phone) {
    if (key === "state") return call("GET", "kf");
    return phone.kind === "groups" ? null : call("GET", `phones/${phone.kind}/${encodeURIComponent(phone.id)}/kf`);
  }

  async #fetch(key) {
    if (this.#running.has(key)) return; // it stays stale and is fetched once more when the first is back
    const phone = this.#wanted.get(key);
    this.#stale.delete(key);
    if (key !== "state" && !phone) return;
    this.#running.add(key);
    try {
      const [data, kf] = await Promise.all([call("GET", this.#path(key, phone)), this.#service(key, phone)]);
      this.#ahead = Date.parse(data.now) - Date.now();
      if (key === "state") [this.state, this.kfAccounts] = [data, kf.accounts];
      else if (this.#wanted.has(key)) this.#views.set(key, { data: { ...data, kf }, missing: false });
      this.reachable = true;
    } catch (problem) {
      if (problem instanceof Refused && problem.status === 404 && phone) this.#views.set(key, { data: null, missing: true });
      else this.reachable = false;
    } finally {
      this.#running.delete(key);
      if (this.#stale.has(key)) this.#touch(key);
    }
    this.#changed();
  }

  #listen() {
    const stream = new EventSource(`${API}/events`);
    stream.addEventListener("hello", () => {
      this.live = true;
      this.reachable = true;
      this.refreshAll(); // whatever happened while we were not listening
      this.#changed();
    });
    stream.addEventListener("change", (event) => this.#hear(JSON.parse(event.data)));
    stream.onerror = () => {
      this.live = false;
      this.#changed();
      if (stream.readyState === EventSource.CLOSED) {
        stream.close();
        setTimeout(() => this.#listen(), RETRY_MS);
      }
    };
  }

  #hear({ what, who }) {
    const named = Object.entries(who ?? {});
    if (named.length === 0) return this.refreshAll();
    const keys = new Set(named.flatMap(([kind, ids]) => ids.map((id) => `${kind}/${id}`)));
    const touched = ["state"];
    for (const key of this.#wanted.keys()) {
      const groups = this.#views.get(key)?.data?.groups ?? [];
      const serves = what.startsWith("kf.") && key.startsWith("members/"); // every servicer sees the pool
      if (serves || keys.has(key) || groups.some((group) => keys.has(`groups/${group.chat_id}`))) touched.push(key);
    }
    this.#touch(...touched);
    return undefined;
  }
}
