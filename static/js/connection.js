// Polls rest while they are useless (offline, page at its end, hidden tab) and catch up when they are not.

const state = { offline: !navigator.onLine, ended: false };

function showNotice(place, template, wanted) {
  const box = document.getElementById(place);
  if (!wanted) box.replaceChildren();
  else if (!box.firstElementChild) box.append(document.getElementById(template).content.cloneNode(true));
}

function showConnection(offline) {
  const recovered = state.offline && !offline;
  state.offline = offline;
  showNotice("connection", "offline-notice", offline && !state.ended);
  if (recovered) catchUp();
}

// Signed out, or in another tab gone on in another store: this page has nothing more to ask.
function end(template) {
  state.ended = true;
  showNotice("ended", template, true);
  const link = document.querySelector("[data-sign-in]");
  if (!link) return;
  const login = new URL(link.href);
  login.searchParams.set("next", location.pathname + location.search);
  link.href = login.pathname + login.search;
}

export function catchUp() {
  for (const name of ["unread-changed", "conversations-changed", "thread-changed"]) document.dispatchEvent(new Event(name));
}

// The badge alone is asked for in a hidden tab: it is in the title.
function restPoll(event) {
  const source = event.detail.ctx.sourceElement;
  if (!source.matches("[data-poll], [data-unread-badge]")) return;
  if (state.ended || !navigator.onLine || (document.hidden && source.id !== "unread-badge")) event.preventDefault();
}

// A connection that breaks off during a response is as bad as none, and nothing may be swapped in. Read whole here, it fails
// before htmx looks at it. If only the head had begun, browsers take the missing body for an empty one.
function readWhole({ detail: { ctx } }) {
  const send = ctx.fetch;
  ctx.fetch = async (...request) => {
    const response = await send(...request);
    if (response.headers.get("Content-Type")?.startsWith("text/event-stream")) return response;
    const text = await response.clone().text();
    if (!text && Number(response.headers.get("Content-Length")) > 0) throw new TypeError("the response broke off");
    return response;
  };
}

document.addEventListener("htmx:config:request", restPoll);
window.addEventListener("htmx:before:request", readWhole); // after those on the document, of which one sends by itself (upload.js)
// On its way to another store or out a page would ask in a wrong name or in none; the browser may show it again later.
document.addEventListener("submit", ({ target }) => { if (target.matches("#stores, [data-sign-out]")) state.ended = true; });
window.addEventListener("pageshow", ({ persisted }) => { if (persisted) state.ended = false; });
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => showConnection(ctx.response.status >= 500 && state.offline));
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.response.status === 401 && !ctx.hx.redirect) end("signed-out-notice");
  else if (ctx.response.status === 412) end("moved-notice");
  else if (ctx.response.status >= 500 && ctx.sourceElement.matches("[data-poll], [data-unread-badge]")) showConnection(true);
});
// A stream that cannot be had is no loss of connection: the polls go on.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx && !ctx.response && ctx.sourceElement.id !== "live") showConnection(true);
});
window.addEventListener("offline", () => showConnection(true));
window.addEventListener("online", () => showConnection(false));
document.addEventListener("visibilitychange", () => document.hidden || catchUp());
if (state.offline) showConnection(true);
