// Whose turn it is: waiting times that pass, the way to what waits next, and leaving what was marked as unread.

const row = () => document.querySelector(".conversation:has([aria-current])");
const next = () => document.body.dataset.opensNext === "true";

// The same words as `formats.waited`.
function words(since) {
  const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 60_000));
  const { d, h, min } = document.getElementById("words").dataset;
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  if (days) return hours ? `${days} ${d} ${hours} ${h}` : `${days} ${d}`;
  if (hours) return rest ? `${hours} ${h} ${String(rest).padStart(2, "0")}` : `${hours} ${h}`;
  return `${minutes} ${min}`;
}

function tick() {
  for (const time of document.querySelectorAll("[data-since]")) time.querySelector("bdi").textContent = words(time.dataset.since);
}

// What waits after the one that is done, else what waits before it; the list stays where nothing else waits.
function openNext(id) {
  const done = document.getElementById(`conversation-${id}`);
  const waiting = [...document.querySelectorAll(".conversation[data-waits]")].filter((one) => one !== done);
  const after = waiting.find((one) => done && done.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
  (after ?? waiting[0])?.querySelector("a").click();
}

function afterAction({ detail: { ctx } }) {
  const form = ctx.sourceElement;
  if (!(ctx.response?.status < 400)) return;
  if (form.matches("[data-closes-dialog]")) form.closest("dialog")?.close();
  const closed = form.matches("[data-closes]") || ctx.request.body?.get?.("then") === "close";
  const id = form.closest("section.thread")?.dataset.conversation;
  if (closed && id && next()) openNext(id);
}

// From the message on which one stands: the one that the address names, or that holds the focus.
function fromChosen({ detail: { ctx } }) {
  const chosen = document.querySelector("article.message:is(:target, :focus-within)");
  if (chosen && ctx.sourceElement.matches("[data-from-chosen]")) ctx.request.body.set("from_seq", chosen.id.slice("message-".length));
}

document.addEventListener("htmx:config:request", fromChosen);
document.addEventListener("htmx:after:request", afterAction);
document.addEventListener("turn-done", ({ detail }) => next() && openNext(detail.id));
document.addEventListener("conversation-left", () => document.querySelector("[data-close-thread]")?.click());
setInterval(tick, 30_000);
document.addEventListener("visibilitychange", () => document.hidden || tick());
