// Who else of one's own team looks at this conversation: a page that is looked at says so with its poll, and says that it
// leaves. The avatars come from the server; whoever of them is writing is marked here.

const WRITES = 6000; // ms, as the line over the composer
const poll = () => document.body.dataset.opensNext && document.getElementById("thread-poll");
const address = () => poll()?.getAttribute("hx-get").replace(/\/messages$/, "");
let here = document.hidden ? undefined : address();

function leave() {
  if (!here) return;
  const token = document.querySelector("[name='csrf_token']")?.value ?? "";
  navigator.sendBeacon(`${here}/left`, new URLSearchParams({ csrf_token: token }));
  here = undefined;
}

function look() {
  if (document.hidden || address() === here) return;
  leave();
  here = address();
}

function sayHere({ detail: { ctx } }) {
  if (ctx.sourceElement.id === "thread-poll" && poll() && !document.hidden) ctx.request.body.set("here", "1");
}

function turnAway() {
  if (document.hidden) return leave();
  look();
  if (here) document.dispatchEvent(new Event("thread-changed"));
}

function markWriting({ detail: { data } }) {
  const wake = JSON.parse(data);
  const shown = document.querySelector("section.thread")?.dataset.conversation === String(wake.id);
  if (wake.kind !== "typing" || !shown) return;
  const avatar = document.querySelector(`#present > [data-name="${CSS.escape(wake.name)}"]`);
  avatar?.classList.add("avatar--writing");
  setTimeout(() => avatar?.classList.remove("avatar--writing"), WRITES);
}

document.addEventListener("htmx:config:request", sayHere);
document.addEventListener("htmx:after:process", look);
document.addEventListener("visibilitychange", turnAway);
window.addEventListener("pagehide", leave);
document.addEventListener("wake", markWriting);
