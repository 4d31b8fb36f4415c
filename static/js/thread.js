// The open conversation: starts at the first unread line, never shows a line twice, keeps its place while lines come
// above and below, and tells the server what was read only when it was really in view.

const thread = () => document.querySelector("section.thread");
const lines = (root) => root.querySelectorAll("#thread-messages > [id^='message-']");
const seq = (line) => Number(line?.id.slice("message-".length) ?? 0);
export const lastSeq = (root) => seq([...lines(root)].at(-1));
const log = () => document.getElementById("thread-log");
let atEnd = false;
let isHtmxReady = false; // before htmx is there a form that is sent would load the page anew

const end = new IntersectionObserver((entries) => {
  atEnd = entries.at(-1).isIntersecting;
  offerJump(false);
  markRead();
});

function open() {
  const unread = document.getElementById("unread");
  const hit = document.querySelector(".message--hit");
  if (hit) hit.scrollIntoView({ block: "center" });
  else if (unread) unread.scrollIntoView();
  else showEnd();
  placeReadMark();
  end.disconnect();
  end.observe(thread().querySelector("[data-log-end]"));
}

// The log stands at its end by itself; at high zoom the whole thread scrolls and has to be brought there.
function showEnd() {
  log().scrollTop = 0;
  thread().querySelector("[data-log-end]").scrollIntoView({ block: "nearest" });
}

function offerJump(news) {
  const button = thread()?.querySelector("[data-jump]");
  if (!button) return;
  button.hidden = atEnd;
  if (atEnd || news) button.querySelector("[data-jump-label]").textContent = news ? button.dataset.news : button.dataset.newest;
}

function markRead() {
  const shown = thread();
  if (!shown || document.hidden || !atEnd || !isHtmxReady) return;
  const fromOthers = [...shown.querySelectorAll("article.message:not(.message--mine, .note)")].at(-1);
  const mentions = String(shown.querySelectorAll(".note--you").length);
  if (seq(fromOthers) <= Number(shown.dataset.readSeq) && mentions === shown.dataset.knownMentions) return;
  shown.dataset.knownMentions = mentions;
  const form = document.getElementById("reading");
  form.elements.up_to.value = shown.dataset.readSeq = lastSeq(shown);
  form.requestSubmit();
}

// A late poll and the answer to one's own message bring the same lines; every request says what is shown already.
function sayWhatIsShown({ detail: { ctx } }) {
  if (ctx.request.body?.has("after") && thread()?.contains(ctx.sourceElement)) ctx.request.body.set("after", lastSeq(thread()));
}

function dropKnownLines({ detail: { tasks } }) {
  nameDays();
  for (const { target, fragment } of tasks) {
    if (!["thread-messages", "older-messages", "conversation-list"].includes(target?.id)) continue;
    for (const line of fragment.querySelectorAll("[id^='message-'], [id^='own-'], [id^='conversation-']")) {
      const known = document.getElementById(line.id);
      if (known) (target.id === "conversation-list" ? known : line).remove(); // a row that comes again has moved
    }
    if (target.id !== "conversation-list") joinDays(fragment, target.id === "older-messages");
    if (target.id === "thread-messages") moveUnreadLine(fragment);
  }
}

// After midnight what was called Today has a date.
let calledOn = new Date().toDateString();
function nameDays() {
  if (new Date().toDateString() === calledOn) return;
  calledOn = new Date().toDateString();
  for (const day of document.querySelectorAll("#thread-messages > .day")) {
    const date = new Date(`${day.dataset.day}T12:00`);
    const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
    const words = date.toLocaleDateString(document.documentElement.lang, { weekday: "long", day: "numeric", month: "short", year });
    day.querySelector("bdi").textContent = words;
  }
}

// A day has one separator, also where two answers meet within it.
function joinDays(fragment, older) {
  for (const day of fragment.querySelectorAll(".day")) if (!day.nextElementSibling || day.nextElementSibling.matches(".day")) day.remove();
  const shown = [...document.querySelectorAll("#thread-messages > .day")].at(older ? 0 : -1);
  const added = [...fragment.querySelectorAll(".day")].at(older ? -1 : 0);
  if (shown && added && shown.dataset.day === added.dataset.day) (older ? shown : added).remove();
}

// One unread line at most: none over what arrives before one's eyes, the first one while nothing was read since.
function moveUnreadLine(fragment) {
  const fresh = fragment.querySelector(".unread-line");
  const shown = document.getElementById("unread");
  if (!fresh) return;
  if (atEnd && !document.hidden) return fresh.remove();
  const isUnread = seq(shown?.nextElementSibling) > Number(thread().dataset.readSeq);
  if (isUnread) shown.textContent = fresh.textContent;
  (isUnread ? fresh : shown)?.remove();
}

// What was written long ago is not announced as news.
function hush({ detail: { ctx } }) {
  if (ctx.sourceElement.id !== "older-messages") return;
  const whole = log();
  whole.setAttribute("aria-live", "off");
  setTimeout(() => whole.removeAttribute("aria-live"), 1000);
  if (document.activeElement === ctx.sourceElement) whole.focus({ preventScroll: true });
}

function follow({ detail: { ctx } }) {
  const sent = ctx.sourceElement.matches("form[data-sends]") && ctx.response?.status < 400;
  if (sent) document.getElementById("unread")?.remove(); // whoever has answered has read it
  const grown = ctx.text?.includes("<hx-partial hx-target=\"#thread-messages\"");
  if (thread() && (sent || (grown && atEnd))) showEnd();
  else if (grown) offerJump(true);
  placeReadMark();
  markRead();
}

// Under my newest message: who has read it. Left alone while it would say the same, since the log is read aloud.
function placeReadMark() {
  const mine = [...document.querySelectorAll("#thread-messages > .message--mine")].at(-1);
  const marks = [...document.querySelectorAll("#read-marks > [data-up-to]")].filter((mark) => Number(mark.dataset.upTo) >= seq(mine));
  const wanted = mine && marks.at(-1);
  const placed = document.querySelector("#thread-messages .message__foot");
  if (placed && wanted?.textContent === placed.textContent && placed.parentElement === mine) return;
  placed?.remove();
  if (wanted) mine.append(wanted.cloneNode(true));
}

function afterClosing({ detail: { ctx } }) {
  const turns = /\/(close|reopen)$/.test(ctx.sourceElement.getAttribute("action"));
  if (!thread() || !turns || document.activeElement !== document.body) return;
  (document.getElementById("reopen-conversation") ?? document.getElementById("content"))?.focus({ preventScroll: true });
}

function flipSwitch({ target }) {
  if (!target.matches("[data-submits]")) return;
  const button = target.form.querySelector("button");
  button.value = target.checked;
  target.form.requestSubmit(button);
}

// What the server did not take is not shown as if it had.
function undo({ detail: { ctx } }) {
  const failed = !ctx.response || ctx.response.status >= 400;
  if (failed && ctx.sourceElement.id === "preferences") ctx.sourceElement.reset();
  if (failed && ctx.sourceElement.id === "reading" && thread()) thread().dataset.readSeq = 0;
}

document.addEventListener("htmx:config:request", sayWhatIsShown);
document.addEventListener("htmx:before:swap", dropKnownLines);
document.addEventListener("htmx:before:swap", hush);
document.addEventListener("htmx:after:swap", follow);
document.addEventListener("htmx:after:swap", afterClosing);
document.addEventListener("htmx:finally:request", undo);
document.addEventListener("htmx:after:process", ({ target }) => {
  isHtmxReady = true;
  if (target.matches?.("section.thread, body") && thread()) open();
});
document.addEventListener("change", flipSwitch);
document.addEventListener("visibilitychange", markRead);
document.addEventListener("visibilitychange", nameDays);
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-jump]")) showEnd();
});
if (thread()) open();
