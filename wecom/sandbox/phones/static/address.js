// Where the page is, as it stands after "#": one phone in front, and which others lie beside it.
//
//   #/                                             the overview
//   #/patients/wm…/moments                         one phone, on its moments
//   #/members/xiaohu/tasks?open=members/xiaohu/tasks,patients/wm…/chats/xiaohu
//
// Every segment is percent-encoded, so an id may hold anything.

const KINDS = new Set(["members", "patients", "groups"]);

/** A phone is {kind, id, screen}; `screen` is a list such as ["chats", "xiaohu"]. */
export function phoneKey(phone) {
  return `${phone.kind}/${phone.id}`;
}

function readPhone(path) {
  const [kind, id, ...screen] = path.split("/").filter(Boolean).map(decode);
  return KINDS.has(kind) && id ? { kind, id, screen } : null;
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // a hand-written address with a stray % names itself
  }
}

export function writePhone(phone) {
  return [phone.kind, phone.id, ...phone.screen].map(encodeURIComponent).join("/");
}

/** Read location.hash into {front: phone or null, open: [phones]}; the front one is always among the open. */
export function readAddress(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const front = readPhone(path);
  const listed = query.startsWith("open=") ? query.slice(5).split(",").map(readPhone).filter(Boolean) : [];
  const open = [];
  for (const phone of listed) {
    if (!open.some((other) => phoneKey(other) === phoneKey(phone))) open.push(phone);
  }
  if (front) {
    const at = open.findIndex((other) => phoneKey(other) === phoneKey(front));
    if (at >= 0) open[at] = front;
    else open.push(front);
  }
  return { front, open };
}

export function writeAddress({ front, open }) {
  const path = front ? writePhone(front) : "";
  const alone = open.length === 0 || (open.length === 1 && front);
  return `#/${path}${alone ? "" : `?open=${open.map(writePhone).join(",")}`}`;
}

/** Return the address with this phone in front, opened beside the others when it is not yet. */
export function withPhone(address, phone, { only = false } = {}) {
  const key = phoneKey(phone);
  const open = only ? [] : address.open.map((other) => (phoneKey(other) === key ? phone : other));
  if (!open.some((other) => phoneKey(other) === key)) open.push(phone);
  return { front: phone, open };
}

export function withoutPhone(address, phone) {
  const key = phoneKey(phone);
  const open = address.open.filter((other) => phoneKey(other) !== key);
  const front = address.front && phoneKey(address.front) === key ? (open.at(-1) ?? null) : address.front;
  return { front, open };
}
