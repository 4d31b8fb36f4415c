// Polls rest while they are useless (offline, signed out, hidden tab) and catch up when they are not.

const state = { offline: !navigator.onLine, signedOut: false };

function showNotice(place, template, wanted) {
  const box = document.getElementById(place);
  if (!wanted) box.replaceChildren();
  else if (!box.firstElementChild) box.append(document.getElementById(template).content.cloneNode(true));
}

function showConnection(offline) {
  const recovered = state.offline && !offline;
  state.offline = offline;
  showNotice("connection", "offline-notice", offline && !state.signedOut);
  if (recovered) catchUp();
}

function showSignedOut() {
  state.signedOut = true;
  showNotice("signed-out", "signed-out-notice", true);
  const link = document.querySelector("[data-sign-in]");
  const login = new URL(link.href);
  login.searchParams.set("next", location.pathname + location.search);
  link.href = login.pathname + login.search;
}

function catchUp() {
  for (const name of ["unread-changed", "conversations-changed", "thread-changed"]) document.dispatchEvent(new Event(name));
}

// The badge alone is asked for in a hidden tab: it is in the title.
function restPoll(event) {
  const source = event.detail.ctx.sourceElement;
  if (!source.matches("[data-poll], [data-unread-badge]")) return;
  if (state.signedOut || !navigator.onLine || (document.hidden && source.id !== "unread-badge")) event.preventDefault();
}

document.addEventListener("htmx:config:request", restPoll);
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => showConnection(ctx.response.status >= 500 && state.offline));
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.response.status === 401 && !ctx.hx.redirect) showSignedOut();
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
