// What the pages gain with JavaScript: keys in the review queue, quick reasons, busy buttons, vanishing toasts.
// Everything works without it.
(() => {
  "use strict";
  document.documentElement.classList.add("js");

  const posts = () => [...document.querySelectorAll("[data-post]")];
  const undecided = (post) => ["in_review", "draft"].includes(post.dataset.state);
  const current = () => document.activeElement?.closest?.("[data-post]");

  function focus(post) {
    if (!post) return;
    post.focus({ preventScroll: true });
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    post.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
  }

  function step(by) {
    const all = posts();
    if (!all.length) return;
    const at = all.indexOf(current());
    focus(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
  }

  function press(key) {
    const post = current() ?? posts().find(undecided);
    const control = post?.querySelector(`[data-key="${key}"]`);
    if (!control) return false;
    post.focus({ preventScroll: true });
    control.click();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select, [popover]")) return;
    if (event.key === "j" || event.key === "k") {
      step(event.key === "j" ? 1 : -1);
    } else if (event.key === "?") {
      document.getElementById("keys")?.togglePopover();
    } else if (!["a", "r", "e"].includes(event.key) || !press(event.key)) {
      return;
    }
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const chip = event.target.closest?.("[data-fill]");
    const field = chip && document.getElementById(chip.dataset.fill);
    if (!field) return;
    field.value = chip.textContent.trim();
    field.focus();
  });

  // Ready words are copied with one tap, as they stand now: staff may have changed some.
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    const field = button && document.getElementById(button.dataset.copy);
    if (!field) return;
    const label = button.querySelector("span");
    try {
      await navigator.clipboard.writeText(field.value);
      label.textContent = "已复制";
    } catch {
      // Not over https, or not allowed: then the old way.
      field.focus();
      field.select();
      label.textContent = document.execCommand("copy") ? "已复制" : "请按住文字复制";
    }
    setTimeout(() => { label.textContent = "复制"; }, 3000);
  });

  // A form that takes a while says so, and is not sent twice.
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button:not([type=button])");
    const words = event.target.dataset?.busy;
    if (!button || !words) return;
    button.setAttribute("aria-busy", "true");
    button.textContent = words;
    setTimeout(() => { button.disabled = true; });
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // After a decision the next undecided post gets the focus; an opened editor, its text.
  let acted = null;
  document.addEventListener("htmx:before:request", (event) => {
    const post = event.detail.ctx.sourceElement.closest?.("[data-post]");
    acted = post && event.detail.ctx.target === post ? { id: post.id, verb: event.detail.ctx.request.action } : null;
  });
  document.addEventListener("htmx:after:swap", () => {
    if (!acted) return;
    const { id, verb } = acted;
    acted = null;
    const post = document.getElementById(id);
    if (!post) return;
    const editor = post.querySelector("textarea[name=text]");
    if (editor) {
      editor.focus();
    } else if (/\/(approve|reject)$/.test(verb) && !undecided(post)) {
      const all = posts();
      focus(all.slice(all.indexOf(post) + 1).find(undecided) ?? post);
    } else {
      focus(post);
    }
  });

  // A swap may replace the toast's place itself, so its surroundings are watched.
  let shown = null;
  new MutationObserver(() => {
    const toast = document.querySelector("#toast > *");
    if (toast === shown) return;
    shown = toast;
    if (toast) setTimeout(() => toast.remove(), 6000);
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
