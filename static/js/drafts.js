// What is typed is kept in this browser until it was sent (draft-store.js). A form says whose draft it holds by
// data-draft; one that the server refused says itself with which key it may be sent again.

import { fit } from "./composer.js";
import { FIELDS, freshKey, isNew, keyFor, keyOf, load, store } from "./draft-store.js";
import { filesOf } from "./staged.js";

const forms = () => document.querySelectorAll("form[data-draft]");
const texts = (form) => FIELDS.flatMap((name) => form.elements[name] ?? []);

export function save(form) {
  const draft = { key: form.elements.idempotency_key.value, recipient: recipientOf(form), files: namesOf(form) };
  for (const field of texts(form)) draft[field.name] = field.value;
  store(keyOf(form), draft);
}

// Of its files, those that have to be attached again too; all that is known while they are still asked for.
export function namesOf(form) {
  if (form.dataset.filesShown === undefined) return load(keyOf(form)).files ?? [];
  return [...filesOf(form).map(({ name }) => name), ...Array.from(form.querySelectorAll("[data-missing-name]"), (name) => name.textContent)];
}

// Puts a draft into a form, whatever stands there.
export function show(form, draft) {
  form.elements.idempotency_key.value = draft.key ?? freshKey();
  for (const field of texts(form)) write(field, draft[field.name] ?? "");
}

// Not as if somebody typed it: who follows another tab must not save again what that one is just forgetting.
function write(field, text) {
  if (field.value === text) return;
  field.value = text;
  if (field.matches("textarea")) fit(field);
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
  const key = form.elements.idempotency_key;
  if (form.dataset.takenBack !== undefined) return takeBack(form, draft);
  if (draft.recipient) form.dataset.recipient = draft.recipient;
  if (form.querySelector("[role='alert']")) return void save(form);
  key.value = draft.key ?? (key.value || freshKey());
  for (const field of texts(form)) write(field, field.value || draft[field.name] || "");
  if (draft.content) form.closest(".closed-bar__write")?.setAttribute("open", "");
}

// A message that was taken back comes before what was typed since. From here on it is a draft like any other.
function takeBack(form, draft) {
  delete form.dataset.takenBack;
  const { content } = form.elements;
  if (draft.content && draft.content !== content.value) write(content, [content.value, draft.content].join("\n\n"));
  save(form);
  const address = new URL(location);
  address.searchParams.delete("taken_back");
  if (address.href !== location.href) history.replaceState(history.state, "", address);
  content.focus();
}

// Only whom the server still offers is chosen again.
async function chooseAgain(form) {
  if (!form.dataset.recipient || form.querySelector("[name='recipient_id']:checked")) return;
  const { recipient_type, recipient_id } = Object.fromEntries(new URLSearchParams(form.dataset.recipient));
  for (const kind of form.querySelectorAll("#recipient-types [type='radio']")) kind.checked = kind.value === recipient_type;
  await htmx.ajax("GET", `${document.body.dataset.messages}/recipients`, { source: "#recipient-search", values: { recipient_id } });
  delete form.dataset.recipient;
}

// Only what was sent goes: what was typed while it travelled, here or in another tab, stays and is another message.
function forgetWhatWasSent({ detail: { ctx } }) {
  const form = ctx.sourceElement;
  if (!form.matches("form[data-draft]") || ctx.response.status >= 400) return;
  const other = ctx.response.headers.get("Draft-Belongs-To"); // nothing was sent: the text waits where the answer leads
  if (other) addTo(keyFor(other), form.elements.content.value);
  const sent = ctx.request.body;
  const shown = document.querySelector(`form[data-draft="${form.dataset.draft}"]`); // another one after a look elsewhere
  const draft = left(form, load(keyOf(form)), sent, shown);
  if (draft.key === sent.get("idempotency_key")) draft.key = freshKey();
  store(keyOf(form), draft);
  if (shown && !isNew(form)) show(shown, draft);
}

function addTo(key, text) {
  const draft = load(key);
  store(key, { ...draft, key: freshKey(), content: [draft.content, text].filter(Boolean).join("\n\n") });
}

// Two tabs may begin conversations with different people: of another's draft nothing is taken away.
function left(form, draft, sent, shown) {
  if (isNew(form)) return FIELDS.every((name) => (draft[name] ?? "") === sent.get(name)) ? {} : draft;
  const text = draft.content ?? shown?.elements.content.value ?? "";
  const gone = sent.getAll("attachments").map(({ name }) => name);
  const files = (draft.files ?? []).filter((name) => !gone.includes(name));
  return { ...draft, files, content: text.startsWith(sent.get("content")) ? text.slice(sent.get("content").length).trimStart() : text };
}

function tellOfKeptDraft(bar) {
  bar.hidden = !load(keyFor(bar.closest("[data-conversation]").dataset.conversation)).content;
}

function receive(root) {
  for (const form of forms()) if (root.contains(form)) fill(form);
  for (const bar of document.querySelectorAll("[data-draft-kept]")) if (root.contains(bar)) tellOfKeptDraft(bar);
}

document.addEventListener("input", ({ target }) => target.form?.dataset.draft && save(target.form));
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("form[data-draft]")) save(ctx.sourceElement);
});
document.addEventListener("htmx:after:request", forgetWhatWasSent);
document.addEventListener("htmx:after:process", ({ target }) => {
  receive(target);
  for (const form of document.querySelectorAll("form[data-draft^='new']")) if (target.contains(form)) chooseAgain(form);
});
document.addEventListener("click", ({ target }) => { // whoever signs in again from here finds their words
  if (target.closest("[data-sign-in]")) for (const form of forms()) save(form);
});
receive(document);
