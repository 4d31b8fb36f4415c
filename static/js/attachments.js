// How files come to a message: chosen, dropped, pasted or photographed, and taken away again.

import { remember } from "./draft-files.js";
import { field, filesOf, isSame, put, wayIn } from "./staged.js";
import { uploadOf } from "./upload.js";

function change(form, files) {
  put(form, files);
  remember(form);
}

function add(form, files) {
  if (!field(form) || uploadOf(form)) return;
  const staged = filesOf(form);
  change(form, [...staged, ...[...files].filter((file) => !staged.some((other) => isSame(file, other)))]);
}

function remove(button) {
  const form = button.closest("form");
  const index = [...button.closest("[data-staged]").children].indexOf(button.closest("li"));
  if (uploadOf(form)) return uploadOf(form).abort();
  change(form, filesOf(form).filter((_, at) => at !== index));
  (form.querySelector("[data-staged] button") ?? form.elements.content).focus();
}

// Of the composer's two faces one shows; Chromium lays out what a closed one holds.
const shows = (form) => !form.closest("details:not([open])") && form.elements.content.getClientRects().length > 0;

// Beside the thread nothing takes a file, and the browser must not leave the page for it.
function drop(event) {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  const form = [...(event.target.closest?.("section.thread, dialog")?.querySelectorAll("form[data-sends]") ?? [])].find((one) => wayIn(one) && shows(one));
  event.dataTransfer.dropEffect = form ? "copy" : "none";
  if (!form) return;
  form.classList.toggle("composer--drop", event.type === "dragover");
  if (event.type === "drop") add(form, event.dataTransfer.files);
}

function paste(event) {
  const form = event.target.form;
  const files = [...(event.clipboardData?.files ?? [])];
  if (!form?.matches("[data-sends]") || !files.length || event.clipboardData.types.includes("text/plain")) return;
  event.preventDefault();
  add(form, files.map((file) => new File([file], stamped(file), { type: file.type, lastModified: Date.now() })));
}

// Every pasted picture is called image.png.
function stamped(file) {
  const [stem, ending] = [file.name.replace(/\.[^.]*$/, "") || "image", file.name.match(/\.[^.]*$/)?.[0] ?? ".png"];
  return `${stem}-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}${ending}`;
}

function choose({ target }) {
  if (!target.closest("[data-attach]")) return;
  if (!target.hasAttribute("data-adds")) return change(target.form, filesOf(target.form));
  const pictures = [...target.files];
  target.value = "";
  add(target.form, pictures);
}

// Choosing anew adds to what was chosen before; the field alone would replace it.
function chooseMore({ target }) {
  const input = target.closest?.("[data-attach] input:not([data-adds])") ?? document.getElementById(target.closest?.("[data-attach] label")?.htmlFor);
  if (!input?.files?.length || input.dataset.adds !== undefined) return;
  const before = [...input.files];
  input.addEventListener("change", () => { const fresh = [...input.files]; put(input.form, before); add(input.form, fresh); }, { once: true });
}

// The files of a message that was taken back are fetched from where they wait; a link stays where that fails.
async function attachAgain(list) {
  const form = list.closest("form");
  const fetched = await Promise.all([...list.querySelectorAll("a")].map(async (link) => {
    const answer = await fetch(link.href);
    if (!answer.ok) throw new Error(answer.statusText);
    return new File([await answer.blob()], link.textContent, { type: answer.headers.get("Content-Type") });
  }));
  if (!form.isConnected) return;
  add(form, fetched);
  list.remove();
}

function receive(root) {
  for (const list of root.querySelectorAll?.("[data-taken-files]") ?? []) attachAgain(list).catch(() => {});
}

document.addEventListener("htmx:after:process", ({ target }) => receive(target));
document.addEventListener("change", choose);
document.addEventListener("click", chooseMore);
document.addEventListener("click", ({ target }) => target.closest("[data-staged] button") && remove(target.closest("button")));
document.addEventListener("dragover", drop);
document.addEventListener("dragleave", drop);
document.addEventListener("drop", drop);
document.addEventListener("paste", paste);
