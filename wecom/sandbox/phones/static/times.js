// Times as people in China read them. The sandbox has a clock of its own: "now" is always given.

const ZONE = "Asia/Shanghai";
const PARTS = new Intl.DateTimeFormat("en-CA", {
  timeZone: ZONE, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const DAY_MS = 86_400_000;
const WEEK = ["周日", "周一", "周二", "周三", "周四", "周五", "周六"];

function parts(at) {
  const found = {};
  for (const { type, value } of PARTS.formatToParts(at)) found[type] = Number(value);
  return found;
}

/** Count days since 1970 on China's calendar. */
function dayNumber(at) {
  const { year, month, day } = parts(at);
  return Date.UTC(year, month - 1, day) / DAY_MS;
}

const two = (number) => String(number).padStart(2, "0");

export function clockText(at) {
  const { hour, minute } = parts(at);
  return `${two(hour)}:${two(minute)}`;
}

export function dayText(at) {
  const { month, day } = parts(at);
  return `${month}月${day}日 ${WEEK[(dayNumber(at) + 4) % 7]}`;
}

/** 11:15 · 昨天 11:15 · 周三 11:15 · 11月3日 11:15 · 2025年11月3日 11:15 */
export function whenText(iso, now) {
  const at = new Date(iso);
  const days = dayNumber(now) - dayNumber(at);
  const time = clockText(at);
  if (days <= 0) return time;
  if (days === 1) return `昨天 ${time}`;
  if (days < 7) return `${WEEK[(dayNumber(at) + 4) % 7]} ${time}`;
  const { year, month, day } = parts(at);
  return `${year === parts(now).year ? "" : `${year}年`}${month}月${day}日 ${time}`;
}

/** Like whenText, and today says so: for facts that stand alone. */
export function factText(iso, now) {
  const text = whenText(iso, now);
  return text.includes(" ") ? text : `今天 ${text}`;
}

/** For the right edge of a list: only the coarsest part that helps. */
export function shortText(iso, now) {
  const text = whenText(iso, now);
  return text.includes(" ") ? text.split(" ")[0] : text;
}

/** 刚刚 · 5 分钟前 · 3 小时前 · 昨天 · 11月3日, as under a moment. */
export function agoText(iso, now) {
  const at = new Date(iso);
  const minutes = Math.floor((now - at) / 60_000);
  if (minutes < 1) return "刚刚";
  if (minutes < 60) return `${minutes} 分钟前`;
  const days = dayNumber(now) - dayNumber(at);
  if (days === 0) return `${Math.floor(minutes / 60)} 小时前`;
  if (days < 7) return days === 1 ? "昨天" : `${days} 天前`;
  return shortText(iso, now);
}

/** Return when it is nine in the morning next, and how one says that. */
export function nextNine(now) {
  const { hour, minute, second } = parts(now);
  const passed = hour * 3600 + minute * 60 + second;
  const today = passed < 9 * 3600;
  return { seconds: 9 * 3600 - passed + (today ? 0 : 86_400), label: today ? "到今早 9 点" : "到明早 9 点" };
}
