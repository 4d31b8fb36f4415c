// The files of a draft belong to it like its words: there again after a look elsewhere, a refusal, a reload and signing in
// again, and the same in every tab. Those that this browser did not keep are named, so that nobody sends without them.

import { isNew, keyOf, load } from "./draft-store.js";
import { save } from "./drafts.js";
import { keep, recall } from "./kept-files.js";
import { field, filesOf, isSame, put, takeRefusals } from "./staged.js";
import { uploadOf } from "./upload.js";

const held = new Map(); // key -> files, for the form that takes its form's place, also where nothing can be kept
const forms = () => document.querySelectorAll("form[data-draft]");
const missingNames = (form) => [...form.querySelectorAll("[data-missing-name]")].map((name) => name.textContent);

// To be called whenever somebody changed what is staged.
export function remember(form) {
  if (form.dataset.filesShown === undefined) return; // what was kept comes first (restore)
  hold(keyOf(form), filesOf(form));
  nameMissing(form, without(missingNames(form), filesOf(form)));
  save(form);
}

function hold(key, files) {
  held.set(key, files);
  keep(key, files).catch(() => {}); // no room or forbidden: they are named when they are missed
}

export async function restore(form) {
  if (!field(form) || uploadOf(form)) return;
  const key = keyOf(form);
  const recalled = held.has(key) ? [] : await recallNamed(key);
  const kept = held.get(key) ?? recalled;
  if (uploadOf(form)) return;
  const chosen = form.dataset.filesShown !== undefined ? [] : filesOf(form).filter((file) => !kept.some((other) => isSame(file, other)));
  form.dataset.filesShown = "";
  held.set(key, kept);
  takeRefusals(form, kept);
  put(form, [...kept, ...chosen]);
  nameMissing(form, without(load(key).files ?? [], kept));
  if (chosen.length) remember(form);
}

// Its entry holds the names of all of a draft's files: what is kept beside it may be older.
async function recallNamed(key) {
  const names = load(key).files ?? [];
  const files = names.length ? await recall(key).catch(() => []) : [];
  return files.filter((file) => names.includes(file.name));
}

export function restoreAnew(form) {
  held.delete(keyOf(form));
  return restore(form);
}

function without(names, files) {
  const left = [...names];
  for (const { name } of files) if (left.includes(name)) left.splice(left.indexOf(name), 1);
  return left;
}

function nameMissing(form, names) {
  const place = form.querySelector("[data-missing]");
  place.replaceChildren();
  if (!names.length) return;
  const notice = document.getElementById("missing-files").content.cloneNode(true);
  notice.querySelector("[data-names]").append(...names.flatMap((name, index) => [index ? ", " : "", nameOf(name)]));
  place.append(notice);
}

function nameOf(name) {
  const element = document.createElement("bdi");
  element.dataset.missingName = "";
  element.textContent = name;
  return element;
}

function dismiss(form) {
  nameMissing(form, []);
  save(form);
  form.elements.content.focus();
}

function settle({ detail: { ctx } }) {
  const form = ctx.sourceElement;
  if (!form.matches("form[data-draft]") || ctx.response.status >= 400) return;
  const key = keyOf(form);
  if (isNew(form) && load(key).key) return; // another tab's draft is kept there meanwhile
  const sent = ctx.request.body.getAll("attachments");
  hold(key, (held.get(key) ?? []).filter((file) => !sent.some((other) => isSame(file, other))));
  for (const shown of forms()) if (keyOf(shown) === key && field(shown)) showSettled(shown, held.get(key));
}

function showSettled(form, files) {
  put(form, files);
  nameMissing(form, []);
  if (!isNew(form)) save(form);
}

function receive(root) {
  for (const form of forms()) if (root.contains(form)) restore(form);
}

document.addEventListener("htmx:after:request", settle);
document.addEventListener("htmx:after:process", ({ target }) => receive(target));
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-missing] button");
  if (button) dismiss(button.closest("form"));
  if (target.closest("[data-sign-in]")) for (const form of forms()) remember(form);
});
