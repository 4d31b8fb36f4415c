// Files of a message: chosen, dropped, pasted or photographed; shown before they are sent, sent with progress, kept when
// something is refused. The file field itself holds them, so that a form sends what it shows.

const refused = new WeakMap(); // form -> Map(name -> sentence), as the server said
const kept = new Map(); // draft -> its files, for the form that takes its form's place
const uploads = new Map(); // form -> the running upload
const wayIn = (form) => form.querySelector("[data-attach]");
const field = (form) => wayIn(form)?.querySelector("input:not([data-camera])");
const isImage = (file) => file.type.startsWith("image/");

function size(bytes) {
  const megabytes = bytes >= 1024 * 1024;
  const number = megabytes ? bytes / 1024 / 1024 : Math.max(1, bytes / 1024);
  return `${number.toLocaleString(document.documentElement.lang, { maximumFractionDigits: megabytes ? 1 : 0 })} ${megabytes ? "MB" : "kB"}`;
}

function put(form, files) {
  const box = new DataTransfer();
  for (const file of files) box.items.add(file);
  field(form).files = box.files;
  show(form);
}

function add(form, files) {
  if (!field(form) || uploads.has(form)) return;
  const same = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
  const held = [...field(form).files];
  put(form, [...held, ...[...files].filter((file) => !held.some((other) => same(file, other)))]);
}

// What the server will say is said before: size, kind, number. It decides all the same.
function hint(form, file, index) {
  const { maxBytes, maxFiles, tooLarge, tooMany, notAllowed, isEmpty } = wayIn(form).dataset;
  const ending = file.name.slice(file.name.lastIndexOf(".")).toLowerCase();
  if (refused.get(form)?.has(file.name)) return refused.get(form).get(file.name);
  if (index >= Number(maxFiles)) return tooMany;
  if (!field(form).accept.split(",").includes(ending)) return notAllowed;
  if (file.size > Number(maxBytes)) return tooLarge;
  return file.size ? "" : isEmpty;
}

function show(form) {
  kept.set(form.dataset.draft, [...field(form).files]);
  const list = form.querySelector("[data-staged]");
  for (const image of list.querySelectorAll("img[src]")) letGo(image);
  list.replaceChildren(...[...field(form).files].map((file, index) => row(form, file, index)));
  list.hidden = !list.children.length;
}

// A picture that is still on its way would miss its data.
function letGo(image) {
  const free = () => URL.revokeObjectURL(image.src);
  if (image.complete) return free();
  for (const end of ["load", "error"]) image.addEventListener(end, free, { once: true });
}

function row(form, file, index) {
  const item = document.getElementById("staged-file").content.firstElementChild.cloneNode(true);
  const fault = hint(form, file, index);
  const picture = item.querySelector("img");
  if (isImage(file)) picture.src = URL.createObjectURL(file);
  picture.hidden = !isImage(file);
  item.querySelector(".icon").toggleAttribute("hidden", isImage(file));
  item.classList.toggle("staged__file--refused", Boolean(fault));
  item.querySelector(".staged__name").textContent = file.name;
  item.querySelector(".staged__detail").textContent = fault || size(file.size);
  item.querySelector("button").setAttribute("aria-label", wayIn(form).dataset.remove.replace("{name}", file.name));
  return item;
}

function remove(button) {
  const form = button.closest("form");
  const index = [...button.closest("[data-staged]").children].indexOf(button.closest("li"));
  if (uploads.has(form)) return uploads.get(form).abort();
  put(form, [...field(form).files].filter((_, at) => at !== index));
  (form.querySelector("[data-staged] button") ?? form.elements.content).focus();
}

// fetch cannot tell how far an upload is; XMLHttpRequest can.
function upload(form, action, request) {
  const files = [...field(form).files];
  return new Promise((resolve, reject) => {
    const http = new XMLHttpRequest();
    uploads.set(form, http);
    http.open(request.method, action);
    for (const [name, value] of Object.entries(request.headers)) http.setRequestHeader(name, value);
    http.upload.onprogress = ({ loaded }) => showProgress(form, files, loaded);
    http.onload = () => resolve(new Response(http.status === 204 ? null : http.response, { status: http.status, headers: headersOf(http) }));
    http.onerror = () => reject(new TypeError("upload failed"));
    http.onabort = () => reject(new DOMException("stopped", "AbortError"));
    http.onloadend = () => { uploads.delete(form); if (field(form)) show(form); };
    http.send(request.body);
    showProgress(form, files, 0);
  });
}

function headersOf(http) {
  const lines = http.getAllResponseHeaders().trim().split("\r\n");
  return new Headers(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
}

// Files travel one after the other, so what has gone tells how far each of them is.
function showProgress(form, files, gone) {
  for (const [index, item] of [...form.querySelectorAll("[data-staged] > li")].entries()) {
    const file = files[index];
    const done = Math.max(0, Math.min(gone, file.size));
    gone -= file.size;
    const bar = item.querySelector("progress");
    bar.hidden = false;
    bar.max = file.size;
    bar.value = done;
    bar.setAttribute("aria-label", file.name);
    const { of: text, cancel } = wayIn(form).dataset;
    item.querySelector(".staged__detail").textContent = text.replace("{done}", size(done)).replace("{all}", size(file.size));
    item.querySelector("button").setAttribute("aria-label", cancel.replace("{name}", file.name));
  }
}

function prepare({ detail: { ctx } }) {
  const form = ctx.sourceElement;
  if (!form.matches("form[data-sends]") || !field(form)?.files.length) return;
  clearTimeout(ctx.requestTimeout); // a slow line may take its time
  ctx.fetch = (action, request) => upload(form, action, request);
}

function settle({ detail: { ctx } }) {
  const form = ctx.sourceElement;
  if (!form.matches("form[data-sends]") || ctx.response.status >= 400) return;
  refused.delete(form);
  for (const sent of [form, ...document.querySelectorAll(`form[data-draft="${form.dataset.draft}"]`)]) if (field(sent)) put(sent, []);
}

// A new form goes on with the files of its draft: where a send was refused, which it tells beside each file at fault, and
// where somebody looked into another conversation meanwhile.
function carryOver(form) {
  const files = kept.get(form.dataset.draft);
  if (!files?.length || !field(form) || field(form).files.length) return;
  const said = [...form.querySelectorAll("[data-file-error]")].map((p) => [p.dataset.fileError, p.textContent.trim()]);
  for (const sentence of form.querySelectorAll("[data-file-error]")) sentence.classList.add("visually-hidden"); // it stands beside its file
  refused.set(form, new Map(said));
  put(form, files);
}

// Beside the thread nothing takes a file, and the browser must not leave the page for it.
function drop(event) {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  const form = event.target.closest?.("section.thread, dialog")?.querySelector("form[data-sends]");
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
  if (target.hasAttribute("data-camera")) {
    const photos = [...target.files];
    target.value = "";
    return add(target.form, photos);
  }
  show(target.form);
}

// Choosing anew adds to what was chosen before; the field alone would replace it.
function remember({ target }) {
  const input = target.closest?.("[data-attach] input:not([data-camera])") ?? document.getElementById(target.closest?.("[data-attach] label")?.htmlFor);
  if (!input?.files?.length || input.dataset.camera !== undefined) return;
  const before = [...input.files];
  input.addEventListener("change", () => { const fresh = [...input.files]; put(input.form, before); add(input.form, fresh); }, { once: true });
}

function receive(root) {
  for (const form of document.querySelectorAll("form[data-sends]")) if (root.contains(form)) carryOver(form);
}

window.addEventListener("beforeunload", (event) => uploads.size && event.preventDefault()); // leaving would end the upload
document.addEventListener("change", choose);
document.addEventListener("click", remember);
document.addEventListener("click", ({ target }) => target.closest("[data-staged] button") && remove(target.closest("button")));
document.addEventListener("dragover", drop);
document.addEventListener("dragleave", drop);
document.addEventListener("drop", drop);
document.addEventListener("paste", paste);
document.addEventListener("htmx:before:request", prepare);
document.addEventListener("htmx:after:request", settle);
document.addEventListener("htmx:after:process", ({ target }) => receive(target));
