// The search field: results while one types, reached by key from anywhere, and by Esc the inbox back as it was.

const PAUSE = 200; // ms without a key
const field = () => document.getElementById("search-field");
const section = () => document.getElementById("conversations");
let before = { query: "", top: 0 }; // the list that the search has replaced
let timer = 0;

export function goToSearch() {
  const shown = field();
  if (!shown || !shown.getClientRects().length || getComputedStyle(shown).visibility !== "visible") return void location.assign(`${document.body.dataset.messages}?q=`);
  shown.focus();
  shown.select();
}

function show(query) {
  return htmx.ajax("GET", document.body.dataset.messages + query, { source: section(), target: "#conversations", swap: "outerHTML" });
}

async function search() {
  clearTimeout(timer);
  const typed = field().value.trim();
  const query = typed ? `?${new URLSearchParams({ q: typed })}` : before.query;
  if (section().dataset.query === query) return;
  if (!("search" in section().dataset)) before = { query: section().dataset.query, top: document.getElementById("conversations-scroll").scrollTop };
  await show(query);
}

// What was typed while the answer was on its way stays, and so does the place in it.
function keepTyping({ detail: { ctx } }) {
  const typing = field();
  if (ctx.target?.id !== "conversations" || document.activeElement !== typing) return;
  const { value, selectionStart, selectionEnd } = typing;
  document.addEventListener("htmx:after:swap", () => {
    if (!field()) return;
    field().value = value;
    field().focus({ preventScroll: true });
    field().setSelectionRange(selectionStart, selectionEnd);
  }, { once: true });
}

async function leave() {
  clearTimeout(timer);
  field().value = "";
  if ("search" in section().dataset) await show(before.query);
  document.getElementById("conversations-scroll").scrollTop = before.top;
  field().blur();
  (document.querySelector(".conversation__link[aria-current]") ?? document.querySelector(".conversation__link"))?.focus({ preventScroll: true });
}

function onKey(event) {
  if (event.target.id !== "search-field" || event.isComposing) return;
  if (event.key === "Escape") {
    event.preventDefault();
    leave();
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    document.querySelector(".conversation__link")?.focus();
  }
}

document.addEventListener("input", (event) => {
  if (event.target.id !== "search-field" || event.isComposing) return;
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE);
});
document.addEventListener("compositionend", ({ target }) => { if (target.id === "search-field") search(); });
document.addEventListener("submit", (event) => {
  if (event.target.id !== "search") return;
  event.preventDefault();
  search();
});
// What was found is not polled: after an action on many the search is asked again.
async function renew() {
  if (!("search" in section().dataset)) return;
  await null; // until bulk.js has put the focus back on a row
  const { id } = document.activeElement.closest(".conversation") ?? {};
  await show(section().dataset.query);
  document.querySelector(`#${id ?? "conversation-list"} a`)?.focus({ preventScroll: true });
}

document.addEventListener("keydown", onKey);
document.addEventListener("many-done", renew);
document.addEventListener("htmx:before:swap", keepTyping);
if (new URLSearchParams(location.search).get("q") === "") field()?.focus();
