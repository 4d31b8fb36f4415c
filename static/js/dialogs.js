// Dialogs: opened where the server's answer brings one or a button names one; recipients chosen by mouse or keys.

import { closeMenu } from "./menus.js";

function openModals(root) {
  for (const dialog of document.querySelectorAll("dialog[data-modal]:not([open])")) {
    if (!root.contains(dialog)) continue;
    dialog.showModal();
    dialog.addEventListener("close", () => remove(dialog), { once: true });
  }
}

// Through htmx, so that a search which waits for the next letter goes with its dialog.
function remove(dialog) {
  return htmx.swap({ sourceElement: document.body, target: dialog, swap: "delete", text: "" });
}

function closeWhenSent({ detail: { ctx } }) {
  if (ctx.sourceElement.id === "compose-form" && ctx.response.status < 400) ctx.sourceElement.closest("dialog")?.close();
}

// A choice outlives the search that follows it.
function keepChosen({ detail: { tasks } }) {
  const chosen = document.querySelector("#recipients :checked");
  const fresh = tasks.map(({ fragment }) => fragment?.querySelector("#recipients")).find(Boolean);
  if (!chosen || !fresh || kindOf(fresh) !== kindOf(chosen.form)) return;
  const again = fresh.querySelector(`[type="radio"][value="${chosen.value}"]`);
  if (again) return void (again.checked = true);
  const kept = chosen.closest(".recipient").cloneNode(true);
  kept.dataset.kept = "";
  fresh.querySelector("legend").after(kept);
}

const kindOf = (root) => root.querySelector("#recipients [name='recipient_type']").value;

let waits = false; // Enter came before the answer to the search: whoever stands first in it is meant

// Whether the list still answers an earlier search. Of each two fields of a name the first asks, the last is the list's.
function isBehind() {
  const entered = new FormData(document.getElementById("compose-form"));
  return ["recipient_type", "q"].some((name) => entered.get(name) !== entered.getAll(name).at(-1));
}

function chooseFirst() {
  const first = document.querySelector("#recipients .recipient:not([data-kept]) [type='radio']");
  first?.click();
  return first;
}

function chooseLate() {
  if (!waits || !document.getElementById("compose-form") || isBehind()) return;
  waits = false;
  chooseFirst();
}

function searchKeys(event) {
  if (event.target.id !== "recipient-q") return;
  const current = document.querySelector("#recipients :checked") ?? document.querySelector("#recipients [type='radio']");
  if (event.key === "ArrowDown" && current) {
    event.preventDefault();
    current.focus();
  }
  if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    waits = isBehind();
    if (waits) for (const earlier of document.querySelectorAll("#recipients :checked")) earlier.checked = false;
    else if (!chooseFirst()) return;
    document.getElementById("compose-subject").focus();
  }
}

// Whoever picks one of the numbers offered has said its kind too.
function takeKind({ target }) {
  const picked = Array.from(target.list?.options ?? []).find(({ value }) => value === target.value);
  const kind = document.getElementById("compose-kind");
  if (!picked || !kind || kind.value === picked.dataset.kind) return;
  kind.value = picked.dataset.kind;
  kind.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("htmx:after:process", ({ target }) => openModals(target));
document.addEventListener("htmx:after:request", closeWhenSent);
document.addEventListener("htmx:before:swap", keepChosen);
document.addEventListener("htmx:after:swap", chooseLate);
document.addEventListener("keydown", searchKeys);
document.addEventListener("input", takeKind);
document.addEventListener("input", ({ target }) => { if (target.id === "recipient-q" || target.name === "recipient_id") waits = false; });
document.addEventListener("click", ({ target }) => {
  const opener = target.closest("[data-open-dialog]");
  if (!opener) return;
  closeMenu(opener.closest("[popover]"));
  document.getElementById(opener.dataset.openDialog).showModal();
});
