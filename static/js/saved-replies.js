// Saved replies in the composer: `/` in an empty line or the button opens the list; Enter inserts at the cursor.

const VARIABLE = /\{[a-z]+\.[a-z_]+\}/;
const panel = () => document.getElementById("saved-replies");
const field = () => document.getElementById("content");
const options = () => [...panel().querySelectorAll("[data-reply]")];
const chosen = () => options().find((option) => option.getAttribute("aria-selected") === "true");
const toFill = new Set(); // variables that were inserted and that nobody has filled in yet
let asked = 0;

// What stands between `/` at the beginning of the cursor's line and the cursor, or null.
function typed() {
  const { value, selectionStart } = field();
  const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
  return line.startsWith("/") ? line.slice(1) : null;
}

async function offer(q) {
  const mine = ++asked;
  const answer = await fetch(`${panel().dataset.address}?q=${encodeURIComponent(q)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (mine !== asked || !answer?.ok) return;
  panel().innerHTML = await answer.text();
  panel().hidden = false;
  mark(0);
}

function close() {
  asked += 1;
  if (!panel() || panel().hidden) return;
  panel().hidden = true;
  panel().replaceChildren();
  field().removeAttribute("aria-activedescendant");
}

function mark(index) {
  const all = options();
  const at = Math.min(Math.max(index, 0), all.length - 1);
  for (const [place, option] of all.entries()) option.setAttribute("aria-selected", String(place === at));
  if (all[at]) field().setAttribute("aria-activedescendant", all[at].id);
  all[at]?.scrollIntoView({ block: "nearest" });
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

function onKey(event) {
  if (event.target !== field() || !panel() || panel().hidden) return;
  const at = options().indexOf(chosen());
  const act = { ArrowDown: () => mark(at + 1), ArrowUp: () => mark(at - 1), Enter: () => chosen() && insert(chosen()), Escape: close }[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.isComposing) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  act();
}

document.addEventListener("keydown", onKey, true);
document.addEventListener("input", ({ target }) => {
  if (target !== field() || !panel()) return;
  const q = typed();
  if (q === null) close();
  else offer(q);
});
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
