// Desktop notices and a sound while nobody looks at this tab, and the count in its title. Each has its switch, kept in
// this browser; a desktop notice needs the person's consent. A notice never shows what was written.

const OFF_AT_FIRST = ["desktop", "sound"];
const words = () => document.getElementById("words").dataset;
const unread = () => Number(document.getElementById("unread-badge")?.dataset.unread ?? 0);
const keyOf = (name) => `notices:${name}`;
let known = unread();
let letGo = () => {};

function isOn(name) {
  if (name === "desktop" && globalThis.Notification?.permission !== "granted") return false;
  try { return (localStorage.getItem(keyOf(name)) ?? (OFF_AT_FIRST.includes(name) ? "off" : "on")) === "on"; } catch { return false; }
}

function remember(name, on) {
  try { localStorage.setItem(keyOf(name), on ? "on" : "off"); } catch { /* for this page only */ }
}

// Of several tabs one speaks: whoever gets the lock on this count. It holds the lock for a minute, or until its own count
// changes again. Where a browser has no locks or refuses them, every tab speaks.
async function isFirst(count) {
  if (!navigator.locks) return true;
  return new Promise((answer) => {
    const name = `notices:${document.body.dataset.role}:${count}`;
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      answer(lock !== null);
      return lock && new Promise((done) => {
        letGo = done;
        setTimeout(done, 60_000);
      });
    }).catch(() => answer(true));
  });
}

async function noticeNew() {
  const count = unread();
  if (count === known) return;
  const isNews = count > known && document.hidden;
  known = count;
  letGo();
  if (!isNews || !await isFirst(count)) return;
  if (isOn("sound")) ring();
  if (isOn("desktop")) show(count);
}

function show(count) {
  const body = words().unreadNotice.replace("{n}", count.toLocaleString(document.documentElement.lang));
  try {
    const notice = new Notification(words().newMessage, { body, tag: `messages-${document.body.dataset.role}`, renotify: true });
    notice.addEventListener("click", () => { window.focus(); notice.close(); });
  } catch { /* phones do not let pages make them */ }
}

// Closed by the clock: where a page may not sound before it was touched, a tone never ends.
function ring() {
  const audio = new AudioContext();
  const volume = new GainNode(audio, { gain: 0 });
  volume.gain.setTargetAtTime(0.15, audio.currentTime, 0.01);
  volume.gain.setTargetAtTime(0, audio.currentTime + 0.12, 0.08);
  const tone = new OscillatorNode(audio, { frequency: 660 });
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.6);
  setTimeout(() => audio.close(), 1000);
}

async function flip({ target }) {
  const name = target.dataset?.notice;
  if (!name) return;
  if (name === "desktop" && target.checked) {
    const answer = await globalThis.Notification?.requestPermission();
    target.checked = answer === "granted";
    document.getElementById("notices-refused").hidden = target.checked;
  }
  remember(name, target.checked);
  if (name === "sound" && target.checked) ring();
  if (name === "title") document.dispatchEvent(new Event("title-changed"));
}

function showSwitches({ target }) {
  if (!target.closest("[data-open-dialog='notices']")) return;
  for (const box of document.querySelectorAll("#notices [data-notice]")) box.checked = isOn(box.dataset.notice);
  document.getElementById("notices-refused").hidden = true;
}

document.addEventListener("htmx:finally:swap", noticeNew);
document.addEventListener("change", flip);
document.addEventListener("click", showSwitches);
