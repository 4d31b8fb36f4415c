// `@` and the beginning of a colleague's name in a note opens a list; Enter or Tab inserts the name that is marked.
// The server reads the names in the text, so that typing one by hand does the same.

const BEGUN = /(?:^|[^\p{L}\p{N}_])@([\p{L}\p{M}\p{N}'’.-]*(?: [\p{L}\p{M}\p{N}'’.-]+)?)$/u;
const panel = () => document.getElementById("colleagues");
const field = () => document.getElementById("note-content");
const options = () => [...panel().querySelectorAll("[role='option']")];
const marked = () => options().find((option) => option.getAttribute("aria-selected") === "true");
let asked = 0;

// What stands between an @ and the cursor, or null.
function typed() {
  const { value, selectionStart, selectionEnd } = field();
  return selectionStart === selectionEnd ? (BEGUN.exec(value.slice(0, selectionStart))?.[1] ?? null) : null;
}

async function offer(name) {
  const mine = ++asked;
  const answer = await fetch(`${panel().dataset.address}?q=${encodeURIComponent(name)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (mine !== asked || !answer?.ok || !panel()) return;
  panel().innerHTML = await answer.text();
  panel().hidden = !options().length;
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

function insert(option) {
  const end = field().selectionStart;
  field().setRangeText(`${option.dataset.name} `, end - (typed() ?? "").length, end, "end");
  close();
  field().focus();
  field().dispatchEvent(new Event("input", { bubbles: true }));
}

function onKey(event) {
  if (event.target !== field() || !panel() || panel().hidden) return;
  const at = options().indexOf(marked());
  const take = () => insert(marked());
  const act = { ArrowDown: () => mark(at + 1), ArrowUp: () => mark(at - 1), Enter: take, Tab: take, Escape: close }[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  act();
}

document.addEventListener("keydown", onKey, true);
document.addEventListener("input", ({ target }) => {
  if (target !== field() || !panel()) return;
  const name = typed();
  if (name === null) close();
  else offer(name);
});
document.addEventListener("focusout", ({ target }) => target === field() && setTimeout(() => document.activeElement !== field() && close(), 200));
document.addEventListener("click", ({ target }) => {
  const option = target.closest("#colleagues [role='option']");
  if (option) insert(option);
});
