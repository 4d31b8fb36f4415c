// A message with files: not sent while one of them is known to be refused, sent with progress, and it can be stopped.

import { refuse } from "./composer.js";
import { faultOf, field, filesOf, show, sizeText, wayIn } from "./staged.js";

const uploads = new Map(); // form -> the running upload
export const uploadOf = (form) => uploads.get(form);
const isOurs = (form) => form.matches("form[data-sends]") && filesOf(form).length > 0;

function stopWhatIsRefused(event) {
  const form = event.detail.ctx.sourceElement;
  if (!isOurs(form) || !filesOf(form).some((file, index) => faultOf(form, file, index))) return;
  event.preventDefault();
  refuse(form, wayIn(form).dataset.removeFirst);
  form.querySelector(".staged__file--refused button").focus();
}

// fetch cannot tell how far an upload is; XMLHttpRequest can.
function upload(form, action, request) {
  const files = filesOf(form);
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
    item.querySelector(".staged__detail").textContent = text.replace("{done}", sizeText(done)).replace("{all}", sizeText(file.size));
    item.querySelector("button").setAttribute("aria-label", cancel.replace("{name}", file.name));
  }
}

function prepare({ detail: { ctx } }) {
  if (!isOurs(ctx.sourceElement)) return;
  clearTimeout(ctx.requestTimeout); // a slow line may take its time
  ctx.fetch = (action, request) => upload(ctx.sourceElement, action, request);
}

window.addEventListener("beforeunload", (event) => uploads.size && event.preventDefault()); // leaving would end the upload
document.addEventListener("htmx:config:request", stopWhatIsRefused);
document.addEventListener("htmx:before:request", prepare);
