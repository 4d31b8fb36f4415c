// The list beside the thread: polls are merged into it without moving what somebody reads or points at,
// the chosen row is marked, and address, back button and panels agree.

const list = () => document.getElementById("conversation-list");
const timeOf = (row) => row.dataset.at;
const isLongestFirst = () => document.getElementById("conversations").dataset.order === "waiting";
const linkOf = (id) => document.getElementById(id)?.querySelector("a");

htmx.registerExtension("merge-conversations", {
  handle_swap: (style, target, fragment) => style === "mergeConversations" && merge(target, fragment.querySelector("#conversations")),
});

function merge(section, fresh) {
  const focused = document.activeElement?.closest(".conversation");
  const index = [...list().children].indexOf(focused);
  const rows = [...fresh.querySelectorAll(".conversation")];
  const more = fresh.querySelector("#more-conversations");
  dropRowsThatLeft(rows, !more);
  const added = rows.filter((row, index) => place(row, index));
  for (const id of ["conversation-list", "conversations-none"]) document.getElementById(id).hidden = fresh.querySelector(`#${id}`).hidden;
  section.querySelector("#conversations-poll").setAttribute("hx-vals", fresh.querySelector("#conversations-poll").getAttribute("hx-vals"));
  added.push(...renewMore(more));
  if (focused && !document.activeElement.closest(".conversation")) (linkOf(focused.id) ?? nearest(index))?.focus({ preventScroll: true });
  return added;
}

// Who stood on a row that is gone goes on with the one in its place.
function nearest(index) {
  const { children } = list();
  return (children[index] ?? list().lastElementChild)?.querySelector("a") ?? document.querySelector("[data-compose]");
}

// Rows of later pages stay; a row that should stand on the first page and does not has left the filter. The one that is
// being read stays until it is left.
function dropRowsThatLeft(rows, isWhole) {
  const ids = new Set(rows.map((row) => row.id));
  const last = rows.length ? timeOf(rows.at(-1)) : "";
  for (const row of [...list().children]) {
    const isAbove = isLongestFirst() ? timeOf(row) < last : timeOf(row) > last;
    if (ids.has(row.id) || !(isWhole || isAbove)) delete row.dataset.left;
    else if (row.querySelector("[aria-current]")) row.dataset.left = "";
    else row.remove();
  }
}

function place(row, index) {
  const known = document.getElementById(row.id);
  if (known?.classList.contains("conversation--chosen")) row.classList.add("conversation--chosen");
  const same = known && known.className === row.className && known.textContent === row.textContent && known.dataset.at === row.dataset.at;
  const placed = same ? known : row;
  if (known && !same) known.replaceWith(row);
  const before = [...list().children].filter((one) => !("left" in one.dataset))[index] ?? null;
  if (before !== placed) list().insertBefore(placed, before);
  return !same;
}

function renewMore(fresh) {
  const shown = document.getElementById("more-conversations");
  if (!fresh) shown?.remove();
  if (!fresh || shown) return [];
  document.getElementById("conversations-scroll").append(fresh);
  return [fresh];
}

// After a reload the open conversation is somewhere in the list: there it is in view.
function showSelected() {
  const box = document.getElementById("conversations-scroll");
  const row = box?.querySelector("[aria-current]");
  if (!row) return;
  const [{ top, bottom, height }, place] = [box.getBoundingClientRect(), row.getBoundingClientRect()];
  if (place.bottom > bottom) box.scrollTop += place.top - top - height / 2;
}

// The last pages bring back what has moved to the top since the list was loaded.
function sortArrivals() {
  if (isLongestFirst()) return;
  const { children } = list();
  const sorted = [...children].sort((a, b) => timeOf(b).localeCompare(timeOf(a)));
  sorted.forEach((row, index) => row === children[index] || list().insertBefore(row, children[index]));
}

function markSelected() {
  const id = document.querySelector("section.thread")?.dataset.conversation;
  document.querySelector(".inbox")?.toggleAttribute("data-thread", Boolean(id));
  for (const row of document.querySelectorAll(".conversation")) {
    if (row.id === `conversation-${id}`) row.querySelector("a").setAttribute("aria-current", "true");
    else if (id && "left" in row.dataset) row.remove();
    else row.querySelector("a").removeAttribute("aria-current");
  }
}

// The way back from the thread keeps the filter that the address holds.
function pointBack() {
  const back = document.querySelector("[data-close-thread]");
  const section = document.getElementById("conversations");
  if (back && section) back.href = document.body.dataset.messages + section.dataset.query;
}

function afterSwap({ detail: { ctx } }) {
  if (ctx.target?.id === "more-conversations") sortArrivals();
  markSelected();
  pointBack();
  const source = ctx.sourceElement;
  if (ctx.target?.id === "thread" && ctx.swap === "outerHTML" && !source.hasAttribute("data-poll")) {
    document.getElementById("subject")?.focus({ preventScroll: true });
  }
  if (ctx.target?.id === "conversations" && ctx.swap === "outerHTML") keepFilter();
}

function keepFilter() {
  const { query } = document.getElementById("conversations").dataset;
  const step = [query, location.search].every((part) => new URLSearchParams(part).has("q")) ? "replaceState" : "pushState";
  if (location.search !== query) history[step]({ htmx: true }, "", location.pathname + query);
  if (document.activeElement === document.body) document.getElementById("filter-kind")?.focus({ preventScroll: true });
}

function showNoThread() {
  const empty = document.getElementById("no-thread");
  const text = `<title>${empty.dataset.title}</title>${empty.innerHTML}`;
  return htmx.swap({ sourceElement: document.body, target: "#thread", swap: "outerHTML", text });
}

// A thread on a page of its own: the list that one came from is behind it, with its filter and its place.
function returnToList(event, back) {
  const { navigation } = window;
  const before = navigation?.entries()[navigation.currentEntry.index - 1];
  if (!before || new URL(before.url).pathname !== back.pathname) return;
  event.preventDefault();
  const { committed, finished } = navigation.traverseTo(before.key); // pressed twice it is still one step
  Promise.all([committed, finished]).catch(() => {}); // on the way already
}

async function closeThread(event) {
  const back = event.target.closest("[data-close-thread]");
  if (!back || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (!document.getElementById("no-thread")) return void returnToList(event, back);
  event.preventDefault();
  const row = `conversation-${back.closest("section").dataset.conversation}`;
  await showNoThread();
  history.pushState({ htmx: true }, "", back.getAttribute("href"));
  (linkOf(row) ?? nearest(0))?.focus();
  if (!("left" in (document.getElementById(row)?.dataset ?? {}))) return;
  // It may have left the filter, or be back in it: the list comes anew, also where the server has nothing new to tell.
  document.getElementById("conversations-poll")?.setAttribute("hx-vals", '{"have": "-"}');
  document.dispatchEvent(new Event("conversations-changed"));
}

// Back and forward change the thread alone while the list shows the same filter; else htmx fetches the page.
function restore(event) {
  const section = document.getElementById("conversations");
  const base = document.body.dataset.messages;
  const [, id] = location.pathname.match(/^(?:.*)\/messages(?:\/(\d+))?$/) ?? [null, null];
  const within = location.pathname === base || location.pathname === `${base}/${id}`;
  if (!within || !document.getElementById("no-thread") || section.dataset.query !== location.search) return;
  event.preventDefault();
  if (!id) showNoThread();
  else htmx.ajax("GET", location.pathname + location.search, { target: "#thread", swap: "outerHTML" });
}

// The link to the next page goes when its rows come: whoever stood on it goes on with the first of them, or, if a search
// found none there, with the link after it.
function keepPlace({ detail: { ctx } }) {
  if (ctx.sourceElement.id !== "more-conversations" || document.activeElement !== ctx.sourceElement) return;
  const rows = list().children, before = rows.length;
  const next = () => rows[before]?.querySelector("a") ?? document.getElementById("more-conversations") ?? list().querySelector("li:last-child a");
  document.addEventListener("htmx:after:swap", () => next()?.focus(), { once: true });
}

document.addEventListener("htmx:before:swap", keepPlace);
document.addEventListener("htmx:after:swap", afterSwap);
document.addEventListener("htmx:before:history:restore", restore);
document.addEventListener("click", closeThread);
showSelected();
