// Choosing rows by `x`, Shift-click and Ctrl- or Cmd-click, with a finger by their avatar, and what is done with all of them at once.

import { openMenu } from "./menus.js";

const MOST = 200;
const bar = () => document.getElementById("bulk");
const rows = () => [...document.querySelectorAll(".conversation")];
const chosen = () => rows().filter((row) => row.classList.contains("conversation--chosen"));
let anchor = null; // the row that was chosen last: Shift chooses all from there

const mark = (row, on) => row.classList.toggle("conversation--chosen", on);

function show() {
  const form = bar();
  if (!form) return;
  const all = chosen();
  const count = form.querySelector("[data-chosen]");
  form.hidden = !all.length;
  count.textContent = all.length ? count.dataset.chosen.replace("{n}", all.length) : "";
  const said = count.dataset.chosen.replace("{n} ", "");
  for (const row of rows()) { // rows that a poll has renewed too
    if (row.classList.contains("conversation--chosen")) row.querySelector("a").setAttribute("aria-description", said);
    else row.querySelector("a").removeAttribute("aria-description");
  }
}

function choose(row, range) {
  const from = range ? rows().indexOf(document.getElementById(anchor)) : -1;
  if (from < 0) {
    mark(row, !row.classList.contains("conversation--chosen"));
    anchor = row.id;
  } else {
    const to = rows().indexOf(row);
    for (const one of rows().slice(Math.min(from, to), Math.max(from, to) + 1)) mark(one, true);
  }
  const beyond = chosen().slice(MOST);
  for (const one of beyond) mark(one, false);
  if (beyond.length) document.dispatchEvent(new CustomEvent("toast", { detail: { text: bar().querySelector("[data-most]").dataset.most } }));
  show();
}

// Whoever stood in the bar goes on with the row that was chosen last.
function chooseNone() {
  const place = document.getElementById(anchor) ?? chosen()[0];
  const leavesBar = bar()?.contains(document.activeElement);
  for (const row of chosen()) mark(row, false);
  anchor = null;
  show();
  if (leavesBar) place?.querySelector("a").focus({ preventScroll: true });
}

export function chooseByKey() {
  const row = document.activeElement?.closest(".conversation") ?? document.querySelector(".conversation:has([aria-current])");
  if (row && bar()) choose(row, false);
}

// With a finger the avatar chooses a row; then the rows choose, until none is chosen.
const byFinger = ({ target }) => matchMedia("(pointer: coarse)").matches && (chosen().length || target.closest(".conversation__link > .avatar"));

function click(event) {
  if (event.target.closest("[data-choose-none]")) return chooseNone();
  const row = event.target.closest(".conversation");
  if (!row || !bar() || !(event.shiftKey || event.ctrlKey || event.metaKey || byFinger(event))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  choose(row, event.shiftKey);
}

// htmx takes the form's fields: the numbers go in when it is sent, or when a dialog is asked for that sends them.
function fill({ detail: { ctx } }) {
  if (ctx.sourceElement.closest("form") !== bar() || !bar()) return;
  for (const row of chosen()) ctx.request.body.append("ids", row.id.slice("conversation-".length));
}

document.addEventListener("click", click, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !chosen().length || openMenu() || event.target.closest("dialog, input, textarea")) return;
  event.preventDefault();
  chooseNone();
});
document.addEventListener("htmx:config:request", fill);
document.addEventListener("many-done", chooseNone);
document.addEventListener("htmx:after:swap", show);
