// One draft in several tabs. An answer is the same in all of them, with one key, so that it is sent once. New
// conversations may be for different people: there a tab follows another only in forgetting what both held.

import { restoreAnew } from "./draft-files.js";
import { namesOf, save, show } from "./drafts.js";
import { FIELDS, freshKey, isNew, keyOf, prefix, read } from "./draft-store.js";
import { wipe } from "./kept-files.js";

const wiping = () => `${prefix()}wiping`; // heard by the other tabs before the drafts go
let isWiped = false; // its person signed out in another tab: what stands in the fields here is all there is

const text = (form, name) => form.elements[name]?.value ?? "";

const isLike = (names, others = []) => JSON.stringify(names) === JSON.stringify(others);

function take(form, before, now) {
  show(form, now);
  if (!isLike(before.files, now.files)) restoreAnew(form);
}

function follow(form, before, now) {
  const isGone = !now.key;
  const isAnswer = !isNew(form);
  const same = FIELDS.every((name) => text(form, name) === (before[name] ?? "")) && isLike(namesOf(form), before.files);
  const isIdle = form.elements.content !== document.activeElement;
  if (isAnswer ? same || isIdle : same && isGone) return take(form, before, now);
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

// The page is left when all is gone, or when it takes too long.
async function signOut(event) {
  const form = event.target;
  if (!form.matches("[data-sign-out]")) return;
  event.preventDefault();
  try {
    localStorage.setItem(wiping(), "");
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix())) localStorage.removeItem(key);
  } catch { /* full: the other tabs take them for sent; forbidden: there are none */ }
  await Promise.race([wipe(prefix()).catch(() => {}), new Promise((resolve) => setTimeout(resolve, 2000))]);
  form.submit();
}

window.addEventListener("storage", followOtherTabs);
document.addEventListener("submit", signOut);
