// Writing and sending: counts near the limit, sends by Ctrl or Cmd and Enter, keeps the text and says why it was not sent.

const NEAR = 1000;
const words = () => document.getElementById("words").dataset;
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

function count(field) {
  const counter = document.querySelector(`.counter[for="${field.id}"]`);
  const limit = Number(field.dataset.limit);
  const used = field.value.length < limit - NEAR ? 0 : [...field.value.trim()].length;
  const near = used >= limit - NEAR;
  counter.textContent = near ? `${used.toLocaleString(document.documentElement.lang)} / ${limit.toLocaleString(document.documentElement.lang)}` : "";
  counter.classList.toggle("counter--near", used > limit);
  tell(field, near ? limit - used : null);
}

// Said aloud once per hundred, not at every key.
function tell(field, left) {
  const hint = field.form.querySelector(".composer__hint");
  const step = left === null ? "" : String(Math.floor(left / 100));
  if (!hint || (hint.dataset.step ?? "") === step) return; // what the server says there stays
  hint.dataset.step = step;
  const sentence = left < 0 ? words().charactersOver : words().charactersLeft;
  hint.textContent = left === null ? "" : sentence.replace("{n}", Math.abs(left).toLocaleString(document.documentElement.lang));
}

function grow(field) {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight}px`;
}

export function fit(field) {
  count(field);
  grow(field);
}

function sendByKey(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  const form = event.target.form;
  if (!event.target.matches("textarea") || !form?.matches("[data-sends]")) return;
  event.preventDefault();
  form.requestSubmit(event.shiftKey ? form.querySelector("[name='then']") : null);
}

function showBusy({ detail: { ctx } }, busy) {
  const form = ctx.sourceElement;
  if (!form.matches("form[data-sends]")) return;
  form.querySelector(".button--primary").setAttribute("aria-busy", busy);
  if (busy) form.querySelector(".composer__error")?.remove();
}

export function refuse(form, sentence) {
  if (!form.isConnected) {
    const toast = { text: words().sendElsewhere, kind: "danger" };
    document.dispatchEvent(new CustomEvent("toast", { detail: toast }));
    return;
  }
  const refusal = document.getElementById("composer-refusal").content.cloneNode(true);
  refusal.querySelector("[data-sentence]").textContent = sentence;
  form.querySelector(".composer__error")?.remove();
  form.querySelector(".composer__box, .dialog__body").before(refusal);
}

function refuseByStatus({ detail: { ctx } }) {
  const { status } = ctx.response;
  const form = ctx.sourceElement;
  if (!form.matches("form[data-sends]") || ctx.hx.redirect) return;
  if ([409, 422].includes(status) && form.isConnected) return;
  const word = { 400: "sendStale", 403: "sendGone", 404: "sendGone", 412: "sendMoved", 413: "sendLarge", 429: "sendBusy" }[status];
  refuse(form, words()[word ?? "sendUnreachable"]);
}

function refuseBySilence({ detail: { ctx } }) {
  if (ctx && !ctx.response && ctx.sourceElement.matches("form[data-sends]")) refuse(ctx.sourceElement, words().sendUnreachable);
}

function forgetNewer() {
  const form = document.querySelector(".composer--guarded");
  if (!form) return;
  form.classList.remove("composer--guarded");
  form.querySelector(".guard").remove();
  const label = form.querySelector("[data-when-sent]");
  label.textContent = label.dataset.whenSent;
}

// Under a closed conversation: whoever asks for the field writes in it.
function openField({ target }) {
  const summary = target.closest(".closed-bar__write > summary");
  if (summary) requestAnimationFrame(() => summary.nextElementSibling.elements.content.focus());
}

// Whoever is writing goes on when somebody closes the conversation.
function keepFieldOpen({ detail: { tasks } }) {
  if (document.activeElement?.id !== "content") return;
  for (const { fragment } of tasks) fragment?.querySelector(".closed-bar__write")?.setAttribute("open", "");
}

function receive(root) {
  for (const field of root.querySelectorAll?.("textarea[data-limit]") ?? []) fit(field);
  if (isMac) for (const key of root.querySelectorAll?.("[data-control-key]") ?? []) key.textContent = "⌘";
}

document.addEventListener("input", ({ target }) => {
  if (target.matches("textarea[data-limit]")) fit(target);
});
document.addEventListener("keydown", sendByKey);
document.addEventListener("click", openField);
document.addEventListener("htmx:before:swap", keepFieldOpen);
document.addEventListener("message-sent", forgetNewer);
document.addEventListener("htmx:before:request", (event) => showBusy(event, true));
document.addEventListener("htmx:finally:request", (event) => showBusy(event, false));
document.addEventListener("htmx:response:error", refuseByStatus);
document.addEventListener("htmx:error", refuseBySilence);
document.addEventListener("htmx:after:process", ({ target }) => receive(target));
receive(document);
