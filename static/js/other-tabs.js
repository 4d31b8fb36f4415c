// One draft in several tabs. An answer is the same in all of them, with one key, so that it is sent once. New
// conversations may be for different people: there a tab follows another only in forgetting what both held.

import { save, show } from "./drafts.js";
import { FIELDS, freshKey, keyOf, prefix, read } from "./draft-store.js";

const wiping = () => `${prefix()}wiping`; // heard by the other tabs before the drafts go
let isWiped = false; // its person signed out in another tab: what stands in the fields here is all there is

const text = (form, name) => form.elements[name]?.value ?? "";

function follow(form, before, now) {
  const isGone = !now.key;
  const isAnswer = form.dataset.draft !== "new";
  const same = FIELDS.every((name) => text(form, name) === (before[name] ?? ""));
  const isIdle = form.elements.content !== document.activeElement;
  if (isAnswer ? same || isIdle : same && isGone) return show(form, now);
  const key = form.elements.idempotency_key;
  if ([before.key, now.key].includes(key.value)) key.value = freshKey(); // its words are another message now
  if (isGone) save(form);
}

function followOtherTabs({ key, oldValue, newValue }) {
  if (key === wiping()) isWiped = true;
  if (isWiped) return;
  for (const form of document.querySelectorAll("form[data-draft]")) {
    if (key === keyOf(form)) follow(form, read(oldValue), read(newValue));
  }
}

function wipe(event) {
  if (!event.target.matches("[data-sign-out]")) return;
  try { localStorage.setItem(wiping(), ""); } catch { /* full or forbidden: the other tabs take it for sent */ }
  for (const key of Object.keys(localStorage)) if (key.startsWith(prefix())) localStorage.removeItem(key);
}

window.addEventListener("storage", followOtherTabs);
document.addEventListener("submit", wipe);
