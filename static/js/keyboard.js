// One key each for what people do all day. Never while typing, in a dialog or with a modifier; they can be switched off.

import { chooseByKey } from "./bulk.js";
import { openMenu } from "./menus.js";
import { goToSearch } from "./search.js";

const SETTING = "single-key-shortcuts";
const press = (selector) => () => {
  const control = document.querySelector(selector);
  control?.focus({ preventScroll: true });
  control?.click();
};
// While rows are chosen a key is for all of them; it leaves the open conversation alone where that cannot be.
const pressForAll = (inBar, selector) => () => {
  const bar = document.querySelector("#bulk:not([hidden])");
  if (!bar) press(selector)();
  else if (inBar) press(`#bulk ${inBar}:not([hidden])`)();
};
const KEYS = {
  j: () => moveInList(1),
  k: () => moveInList(-1),
  r: () => turnFace(false),
  R: () => turnFace(!document.getElementById("faces")?.open),
  c: press("[data-compose]"),
  e: pressForAll("[value='close']", "#close-conversation"),
  n: pressForAll(null, "#no-reply-needed"),
  h: pressForAll("[data-many='snooze']", "#snooze, #wake"),
  a: pressForAll("[data-many='assign']", "#assign"),
  U: pressForAll(null, "#mark-unread"),
  x: chooseByKey,
  u: press("[data-unread-filter]"),
  "/": goToSearch,
  "?": press("[data-open-dialog='keyboard-help']"),
};

// The composer's two faces: a reply, and a note for one's own team.
function turnFace(toNote) {
  const faces = document.getElementById("faces");
  if (faces) faces.open = toNote;
  const field = document.getElementById(toNote && faces ? "note-content" : "content");
  field?.closest("details")?.setAttribute("open", "");
  field?.focus();
}

const isVisible = (link) => link.getClientRects().length > 0 && getComputedStyle(link).visibility === "visible";

function moveInList(step) {
  const links = [...document.querySelectorAll(".conversation__link")].filter(isVisible);
  const current = links.findIndex((link) => link === document.activeElement);
  const start = current >= 0 ? current : links.findIndex((link) => link.hasAttribute("aria-current"));
  const next = start < 0 ? 0 : Math.min(Math.max(start + step, 0), links.length - 1);
  links[next]?.focus();
}

function isOff() {
  try { return localStorage.getItem(SETTING) === "off"; } catch { return false; }
}

const isTyping = (target) => target.closest?.("textarea, select, [contenteditable], input:not([type='checkbox'], [type='radio'])");
const isElsewhere = () => document.querySelector("dialog[open]") ?? openMenu();

// So that the single keys are keys again; what was typed stays.
function leaveComposer() {
  document.getElementById("subject").focus({ preventScroll: true });
}

const isSearchKey = (event) => event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;

function onKey(event) {
  if (isSearchKey(event) && !event.defaultPrevented && !isElsewhere()) {
    event.preventDefault();
    return goToSearch();
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && ["content", "note-content"].includes(event.target.id)) return leaveComposer();
  if (isTyping(event.target) || isElsewhere()) return;
  if (event.key === "Escape") press("[data-close-thread]")();
  const act = isOff() ? null : KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function keepSetting({ target }) {
  if (!target.matches("[data-shortcuts-switch]")) return;
  try { localStorage.setItem(SETTING, target.checked ? "on" : "off"); } catch { /* for this page only */ }
}

function showSetting({ target }) {
  if (target.closest("[data-open-dialog='keyboard-help']")) document.querySelector("[data-shortcuts-switch]").checked = !isOff();
}

document.addEventListener("keydown", onKey);
document.addEventListener("change", keepSetting);
document.addEventListener("click", showSetting);
