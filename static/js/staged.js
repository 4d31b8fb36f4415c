// The files that a form is about to send: its file field holds them, its list shows them and says which of them the
// server will refuse, or did.

const refused = new WeakMap(); // form -> Map(file -> sentence), as the server said

export const wayIn = (form) => form.querySelector("[data-attach]");
export const field = (form) => wayIn(form)?.querySelector("input:not([data-adds])");
export const filesOf = (form) => [...(field(form)?.files ?? [])];
const isImage = (file) => file.type.startsWith("image/");
const identity = ({ name, size, lastModified }) => JSON.stringify([name, size, lastModified]);
export const isSame = (one, other) => identity(one) === identity(other);

export function sizeText(bytes) {
  const megabytes = bytes >= 1024 * 1024;
  const number = megabytes ? bytes / 1024 / 1024 : Math.max(1, bytes / 1024);
  return `${number.toLocaleString(document.documentElement.lang, { maximumFractionDigits: megabytes ? 1 : 0 })} ${megabytes ? "MB" : "kB"}`;
}

export function put(form, files) {
  const box = new DataTransfer();
  for (const file of files) box.items.add(file);
  field(form).files = box.files;
  show(form);
}

// What the server will say is said before: size, kind, number. It decides all the same.
export function faultOf(form, file, index) {
  const { maxBytes, maxFiles, tooLarge, tooMany, heic, notAllowed, isEmpty } = wayIn(form).dataset;
  const ending = file.name.slice(file.name.lastIndexOf(".")).toLowerCase();
  const said = refused.get(form)?.get(identity(file));
  if (said) return said;
  if (index >= Number(maxFiles)) return tooMany;
  if ([".heic", ".heif"].includes(ending)) return heic;
  if (!field(form).accept.split(",").includes(ending)) return notAllowed;
  if (file.size > Number(maxBytes)) return tooLarge;
  return file.size ? "" : isEmpty;
}

// The server names a file at fault. Of two of that name nobody knows which one it was: its sentence then stands alone.
export function takeRefusals(form, files) {
  refused.set(form, new Map());
  for (const paragraph of form.querySelectorAll("[data-file-error]")) {
    const named = files.filter((file) => file.name === paragraph.dataset.fileError);
    paragraph.classList.toggle("visually-hidden", named.length === 1);
    if (named.length === 1) refused.get(form).set(identity(named[0]), paragraph.textContent.trim());
  }
}

export function show(form) {
  const list = form.querySelector("[data-staged]");
  for (const image of list.querySelectorAll("img[src]")) letGo(image);
  list.replaceChildren(...filesOf(form).map((file, index) => row(form, file, index)));
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
  const fault = faultOf(form, file, index);
  const picture = item.querySelector("img");
  if (isImage(file)) picture.src = URL.createObjectURL(file);
  picture.hidden = !isImage(file);
  item.querySelector(".icon").toggleAttribute("hidden", isImage(file));
  item.classList.toggle("staged__file--refused", Boolean(fault));
  item.querySelector(".staged__name").textContent = file.name;
  item.querySelector(".staged__detail").textContent = fault || sizeText(file.size);
  item.querySelector("button").setAttribute("aria-label", wayIn(form).dataset.remove.replace("{name}", file.name));
  return item;
}
