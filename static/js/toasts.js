// Short notes that pass: what the server says in an HX-Trigger "toast", and why a click did nothing.
// One of each kind at a time: the newer takes the older's place. Refusals of a message stand in its composer instead (composer.js).

const words = () => document.getElementById("words").dataset;
const LASTS = { good: 6000, undo: 15000, danger: 15000 };

function showToast({ text, kind = "good", undo = null, link = null }) {
  if (!text) return;
  const toast = document.getElementById("toast").content.firstElementChild.cloneNode(true);
  toast.querySelector(".toast__text").textContent = text;
  if (undo) offerUndo(toast, undo);
  if (link) Object.assign(toast.querySelector("[data-toast-link]"), { hidden: false, href: link, textContent: words().open });
  document.getElementById(kind === "danger" ? "alerts" : "toasts").replaceChildren(toast);
  dismissInTime(toast, undo || link ? LASTS.undo : LASTS[kind] ?? LASTS.good);
}

// The answer brings events, which tell list and thread that something changed.
function offerUndo(toast, { address, values }) {
  const button = toast.querySelector("[data-toast-undo]");
  Object.assign(button, { hidden: false, textContent: words().undo });
  button.addEventListener("click", () => {
    htmx.ajax("POST", address, { source: document.getElementById("toasts"), target: "#toasts", swap: "none", values: { ...values, undo: "1" } });
    toast.remove();
  });
}

// Waits as long as somebody points at it or stands in it.
function dismissInTime(toast, time) {
  setTimeout(() => (toast.matches(":hover, :focus-within") ? dismissInTime(toast, 2000) : toast.remove()), time);
}

function explainRefusal({ detail: { ctx } }) {
  const { status } = ctx.response;
  const source = ctx.sourceElement;
  const explained = ctx.hx?.trigger?.includes("toast") || ctx.hx?.redirect;
  const elsewhere = source.matches("[data-poll], [data-unread-badge], [data-draft], #reading") || [401, 412].includes(status);
  if (explained || elsewhere || [409, 422].includes(status)) return;
  const word = { 404: "gone", 403: "gone", 400: "stale", 429: "busy" }[status] ?? "failed";
  showToast({ text: words()[word], kind: "danger" });
}

function explainSilence({ detail: { ctx } }) {
  if (!ctx || ctx.response || ctx.sourceElement.matches("[data-poll], [data-unread-badge], [data-draft], #reading")) return;
  showToast({ text: words().failed, kind: "danger" });
}

document.addEventListener("toast", (event) => showToast(event.detail));
document.addEventListener("htmx:response:error", explainRefusal);
document.addEventListener("htmx:error", explainSilence);
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest(".toast").remove();
});
