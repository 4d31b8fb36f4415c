// What is typed is kept in this browser, per role, person, store and conversation, until it was sent or its person signs out.
// A form says whose draft it holds by data-draft ("12", or "new"). A draft that was once sent keeps its idempotency
// key, so that sending it again after a lost answer, even after a reload, makes one message.

const prefix = () => `draft:${document.body.dataset.role}:`;
const keyFor = (draft) => `${prefix()}${document.body.dataset.actor}:${document.body.dataset.store}:${draft}`;
const keyOf = (form) => keyFor(form.dataset.draft);
const wiping = () => `${prefix()}wiping`; // heard by the other tabs before the drafts go
const FIELDS = ["subject", "content"];

function load(key) {
  try { return JSON.parse(localStorage.getItem(key)) ?? {}; } catch { return {}; }
}

function store(key, draft) {
  try {
    if (FIELDS.some((name) => draft[name])) localStorage.setItem(key, JSON.stringify(draft));
    else localStorage.removeItem(key);
  } catch { /* full or forbidden: the text still stands in its field */ }
}

function save(form, sentWith = load(keyOf(form)).sentWith) {
  const draft = { sentWith, recipient: recipientOf(form) };
  for (const name of FIELDS) if (form.elements[name]) draft[name] = form.elements[name].value;
  store(keyOf(form), draft);
}

// Whom a new conversation is for: the one chosen, or while the list is still asked for the draft's one, that one.
function recipientOf(form) {
  const chosen = form.querySelector("[name='recipient_id']:checked");
  if (!chosen) return form.dataset.recipient;
  const type = form.querySelector("#recipients [name='recipient_type']").value;
  return `recipient_type=${type}&recipient_id=${chosen.value}`;
}

function fill(form) {
  const draft = load(keyOf(form));
  if (draft.recipient) form.dataset.recipient = draft.recipient;
  const key = form.elements.idempotency_key;
  if (draft.sentWith && !form.matches(".composer--refused")) key.value = draft.sentWith;
  if (!key.value) key.value = freshKey();
  for (const name of FIELDS) {
    const field = form.elements[name];
    if (!field || field.value || !draft[name]) continue;
    field.value = draft[name];
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// Only whom the server still offers is chosen again.
async function chooseAgain(form) {
  if (!form.dataset.recipient || form.querySelector("[name='recipient_id']:checked")) return;
  const { recipient_type, recipient_id } = Object.fromEntries(new URLSearchParams(form.dataset.recipient));
  for (const kind of form.querySelectorAll("#recipient-types [type='radio']")) kind.checked = kind.value === recipient_type;
  await htmx.ajax("GET", `${document.body.dataset.messages}/recipients`, { source: "#recipient-search", values: { recipient_id } });
  delete form.dataset.recipient;
}

function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Only what was sent goes; what was typed while it travelled stays.
function forget(form, sent) {
  const key = keyOf(form);
  const draft = load(key);
  draft.content ??= ""; // files alone make no draft
  draft.content = draft.content.startsWith(sent) ? draft.content.slice(sent.length).trimStart() : "";
  store(key, { content: draft.content });
  const shown = document.querySelector(`form[data-draft="${form.dataset.draft}"]`); // another one after a look elsewhere
  if (!shown) return;
  shown.elements.content.value = draft.content;
  shown.elements.idempotency_key.value = freshKey();
  shown.elements.content.dispatchEvent(new Event("input", { bubbles: true }));
}

function forgetWhatWasSent({ detail: { ctx } }) {
  const form = ctx.sourceElement;
  if (!form.matches("form[data-draft]") || ctx.response.status >= 400) return;
  if (form.dataset.draft === "new") store(keyOf(form), {});
  else forget(form, ctx.request.body.get("content"));
}

let isWiped = false; // its person signed out in another tab: what stands in the fields here is all there is

// An answer is one in all tabs; new conversations may be for different people, and one's words must not go to the other.
function followOtherTabs({ key, newValue }) {
  if (key === wiping()) isWiped = true;
  if (isWiped) return;
  for (const form of document.querySelectorAll("form[data-draft]:not([data-draft='new'])")) {
    const field = form.elements.content;
    if (key !== keyOf(form) || field === document.activeElement) continue;
    field.value = JSON.parse(newValue ?? "{}").content ?? "";
  }
}

function tellOfKeptDraft(bar) {
  bar.hidden = !load(keyFor(bar.closest("[data-conversation]").dataset.conversation)).content;
}

function wipe(event) {
  if (!event.target.matches("[data-sign-out]")) return;
  try { localStorage.setItem(wiping(), ""); } catch { /* full or forbidden: the other tabs take it for sent */ }
  for (const key of Object.keys(localStorage)) if (key.startsWith(prefix())) localStorage.removeItem(key);
}

function receive(root) {
  for (const form of document.querySelectorAll("form[data-draft]")) if (root.contains(form)) fill(form);
  for (const bar of document.querySelectorAll("[data-draft-kept]")) if (root.contains(bar)) tellOfKeptDraft(bar);
}

document.addEventListener("input", ({ target }) => target.form?.dataset.draft && save(target.form));
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement;
  if (form.matches("form[data-draft]")) save(form, form.elements.idempotency_key.value);
});
document.addEventListener("htmx:after:request", forgetWhatWasSent);
document.addEventListener("htmx:after:process", ({ target }) => {
  receive(target);
  for (const form of document.querySelectorAll("form[data-draft='new']")) if (target.contains(form)) chooseAgain(form);
});
document.addEventListener("submit", wipe);
document.addEventListener("click", ({ target }) => { // whoever signs in again from here finds their words
  if (target.closest("[data-sign-in]")) for (const form of document.querySelectorAll("form[data-draft]")) save(form);
});
window.addEventListener("storage", followOtherTabs);
receive(document);
