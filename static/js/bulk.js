// Choosing rows by `x`, Shift-click and Ctrl- or Cmd-click, and what is done with all of them at once.

const MOST = 200;
const bar = () => document.getElementById("bulk");
const rows = () => [...document.querySelectorAll(".conversation")];
const chosen = () => rows().filter((row) => row.classList.contains("conversation--chosen"));
let anchor = null; // the row that was chosen last: Shift chooses all from there

function mark(row, on) {
  row.classList.toggle("conversation--chosen", on);
  const link = row.querySelector("a");
  if (on) link.setAttribute("aria-description", bar().querySelector("[data-chosen]").dataset.chosen.replace("{n} ", ""));
  else link.removeAttribute("aria-description");
}

function show() {
  const form = bar();
  if (!form) return;
  const all = chosen();
  const count = form.querySelector("[data-chosen]");
  form.hidden = !all.length;
  count.textContent = all.length ? count.dataset.chosen.replace("{n}", all.length) : "";
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
  for (const one of chosen().slice(MOST)) mark(one, false);
  show();
}

function chooseNone() {
  for (const row of chosen()) mark(row, false);
  anchor = null;
  show();
}

export function chooseByKey() {
  const row = document.activeElement?.closest(".conversation") ?? document.querySelector(".conversation:has([aria-current])");
  if (row && bar()) choose(row, false);
}

function click(event) {
  if (event.target.closest("[data-choose-none]")) return chooseNone();
  const row = event.target.closest(".conversation");
  if (!row || !bar() || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  choose(row, event.shiftKey);
}

const tomorrow = () => {
  const day = new Date();
  day.setDate(day.getDate() + 1);
  day.setHours(8, 0, 0, 0);
  return day.toISOString();
};

// htmx takes the form's fields: the numbers go in when it is sent, with what the pressed button needs besides.
function fill({ detail: { ctx } }) {
  if (ctx.sourceElement.id !== "bulk") return;
  const { body } = ctx.request;
  for (const row of chosen()) body.append("ids", row.id.slice("conversation-".length));
  const button = document.activeElement;
  if (button?.dataset.user) body.set("user_id", button.dataset.user);
  if (button && "snooze" in button.dataset) body.set("until", tomorrow());
}

document.addEventListener("click", click, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !chosen().length) return;
  event.preventDefault();
  chooseNone();
});
document.addEventListener("htmx:config:request", fill);
document.addEventListener("many-done", chooseNone);
document.addEventListener("htmx:after:swap", show);
