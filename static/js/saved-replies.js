// Saved replies in the composer: `/` in an empty line or the button opens the list; Enter inserts at the cursor.

import { offerOptions } from "./options.js";

const VARIABLE = /\{[a-z]+\.[a-z_]+\}/;
const panel = () => document.getElementById("saved-replies");
const field = () => document.getElementById("content");
const toFill = new Set(); // variables that were inserted and that nobody has filled in yet
const { offer, close } = offerOptions({ panel, field, typed, take: insert, takenBy: ["Enter"] });

// What stands between `/` at the beginning of the cursor's line and the cursor, or null.
function typed() {
  const { value, selectionStart } = field();
  const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
  return line.startsWith("/") ? line.slice(1) : null;
}

async function insert(option) {
  const form = field().form;
  const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
  const answer = await fetch(`${panel().dataset.address}/${option.dataset.reply}`, { method: "POST", body }).catch(() => null);
  if (!answer?.ok) return close();
  const text = await answer.text();
  const start = field().selectionStart - (typed()?.length ?? -1) - 1;
  field().setRangeText(text, start, field().selectionStart, "end");
  for (const [variable] of text.matchAll(new RegExp(VARIABLE, "g"))) toFill.add(variable);
  close();
  field().focus();
  field().dispatchEvent(new Event("input", { bubbles: true }));
  selectUnfilled();
}

function selectUnfilled() {
  const open = [...toFill].find((variable) => field().value.includes(variable));
  if (!open) return false;
  const at = field().value.indexOf(open);
  field().focus();
  field().setSelectionRange(at, at + open.length);
  return true;
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-open-replies]")) return panel().hidden ? (field().focus(), offer("")) : close();
  const option = target.closest("[data-reply]");
  if (option) insert(option);
});
document.addEventListener("submit", (event) => {
  if (event.target !== field()?.form || !panel() || !selectUnfilled()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  event.target.querySelector(".composer__hint").textContent = panel().dataset.fill;
}, true);
