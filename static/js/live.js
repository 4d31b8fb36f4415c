// The stream says that something changed; what changed is then asked for like a poll. A window that is looked at has
// one stream (hx-sse closes it in a hidden tab and comes back by itself); without one the polls go on alone.

import { catchUp } from "./connection.js";
import { lastSeq } from "./thread.js";

const SILENCE = 50_000; // ms without a heartbeat after which a line is dead
const EASE = 1000; // ms between two refreshes of the list or the badge
const TYPING_SHOWN = 6000;
const stream = () => document.getElementById("live");
const shownThread = () => document.querySelector("section.thread");
const tell = (name) => document.dispatchEvent(new Event(name));
const timers = {};
let wanted = { id: "", seq: 0 };
let connection = null;
let heard = 0;
let typingEnds;

const ACTS = {
  "catch-up": () => setTimeout(catchUp, Math.random() * EASE),
  message: (wake) => { hideTyping(wake); want(wake); refresh("conversations-changed"); countLater(wake); },
  status: (wake) => { want(wake); refresh("conversations-changed"); refresh("unread-changed"); },
  seat: (wake) => { refresh("unread-changed"); refresh("conversations-changed"); if (isShown(wake)) tell("thread-changed"); },
  turn: (wake) => { refresh("conversations-changed"); refresh("unread-changed"); if (isShown(wake)) tell("thread-changed"); },
  given: ({ id }) => showGiven(id),
  marks: (wake) => isShown(wake) && tell("thread-changed"),
  present: (wake) => isShown(wake) && tell("thread-changed"),
  files: (wake) => isShown(wake) && tell("thread-changed"),
  context: (wake) => { refresh("conversations-changed"); if (isShown(wake)) tell("thread-changed"); },
  typing: showTyping,
};

const isShown = ({ id }) => shownThread()?.dataset.conversation === String(id);

// At once, then at most once in a while: a busy inbox is not asked for at every message.
function refresh(name, wait = 0) {
  if (timers[name]) return void (timers[name].again = true);
  timers[name] = { again: false };
  setTimeout(() => {
    tell(name);
    setTimeout(() => {
      const { again } = timers[name];
      timers[name] = null;
      if (again) refresh(name);
    }, EASE);
  }, wait);
}

// What comes before one's eyes is read at once, and the answer to that brings the badge.
function countLater(wake) {
  refresh("unread-changed", isShown(wake) && !document.hidden ? 600 : 0);
}

function want({ id, seq }) {
  if (!isShown({ id })) return;
  wanted = { id: String(id), seq };
  fetchWanted();
}

// A request that was under way when the wake-up came may have been answered before it: ask until the line is there.
function fetchWanted() {
  if (isShown(wanted) && wanted.seq > lastSeq(document) && !document.querySelector("#send[aria-busy='true']")) tell("thread-changed");
}

function afterRequest({ detail: { ctx } }) {
  if (shownThread()?.contains(ctx.sourceElement) && ctx.response?.status < 400) setTimeout(fetchWanted, 50);
}

// Somebody of one's own side has handed a conversation over.
function showGiven(id) {
  const detail = { text: document.getElementById("words").dataset.given, link: `${document.body.dataset.messages}/${id}` };
  document.dispatchEvent(new CustomEvent("toast", { detail }));
}

function showTyping(wake) {
  const hint = document.getElementById("composer-hint");
  if (!isShown(wake) || !hint || hint.dataset.step) return;
  const words = document.getElementById("words").dataset;
  const sentence = wake.how === "replying" ? words.replying : words.writing;
  const typing = document.getElementById("typing").content.cloneNode(true);
  typing.querySelector(".typing").append(...[1, 2, 3].map(() => document.createElement("i")));
  const name = Object.assign(document.createElement("bdi"), { textContent: wake.name });
  const [before, after] = sentence.split("{name}");
  typing.querySelector("[data-sentence]").append(before, name, after);
  if (hint.textContent.trim() !== typing.textContent.trim()) hint.replaceChildren(typing);
  clearTimeout(typingEnds);
  typingEnds = setTimeout(() => hideTyping(wake), TYPING_SHOWN);
}

function hideTyping(wake) {
  const hint = document.getElementById("composer-hint");
  if (isShown(wake) && hint?.querySelector(".typing")) hint.replaceChildren();
}

function onWake({ detail: { data } }) {
  const wake = JSON.parse(data);
  ACTS[wake.kind]?.(wake);
}

// The session ended, or moved to another store: the badge's poll tells which, and the stream may come back.
function onEnd() {
  tell("unread-changed");
  setTimeout(reconnect, EASE);
}

function reconnect() {
  stream()?.dispatchEvent(new Event("reconnect"));
}

// A laptop that slept, a network that went: nothing ends such a line but our own clock.
function watch() {
  if (connection?.reader && Date.now() - heard > SILENCE) connection.reader.cancel();
}

function note({ detail }) {
  connection = detail.connection;
  heard = Date.now();
}

// No room: the stream is left, and asked for again as seldom as a poll. hx-sse would try twice a second for ever.
function leaveFull({ detail }) {
  if (detail.connection.status === 204) detail.connection.config.reconnect = false;
}

document.addEventListener("wake", onWake);
document.addEventListener("ended", onEnd);
document.addEventListener("htmx:sse:after:connection", note);
document.addEventListener("htmx:sse:after:connection", leaveFull);
document.addEventListener("htmx:sse:after:message", note);
document.addEventListener("htmx:sse:error", ({ detail }) => [401, 412].includes(detail.status) && tell("unread-changed"));
document.addEventListener("htmx:sse:before:connection", (event) => document.querySelector("#ended > *") && event.preventDefault());
document.addEventListener("htmx:finally:request", afterRequest);
document.addEventListener("visibilitychange", () => document.hidden || reconnect());
window.addEventListener("online", () => { connection?.delayCanceller?.(); reconnect(); });
setInterval(watch, SILENCE / 5);
