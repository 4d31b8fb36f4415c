// Pictures open large above the page: arrows go through those of the thread, Escape closes, the file's name stands above.
// Who may remove a picture does so here with the form that stands beside it in the thread.

let pictures = [];
let at = 0;
const viewer = () => document.getElementById("viewer");

function turn(step) {
  at = (at + step + pictures.length) % pictures.length;
  const { href } = pictures[at];
  const name = pictures[at].querySelector("img").alt;
  const image = viewer().querySelector("[data-viewer-image]");
  image.src = href;
  image.alt = name;
  viewer().querySelector("[data-viewer-name]").textContent = name;
  const save = viewer().querySelector("[data-viewer-save]");
  save.href = href;
  save.download = name;
  offerRemoval(pictures[at].parentElement.querySelector("form"));
  for (const button of viewer().querySelectorAll("[data-viewer-turn]")) button.hidden = pictures.length < 2;
}

function offerRemoval(form) {
  const place = viewer().querySelector("[data-viewer-remove]");
  place.hidden = !form;
  place.open = false;
  place.querySelector("form")?.remove();
  if (!form) return;
  place.append(form.cloneNode(true));
  htmx.process(place);
}

function open(event) {
  const link = event.target.closest("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  pictures = [...document.querySelectorAll("a[data-view]")];
  at = pictures.indexOf(link);
  turn(0);
  viewer().showModal();
}

document.addEventListener("click", open);
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response.status < 400 && ctx.sourceElement.closest?.("#viewer")) viewer().close();
});
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-viewer-turn]");
  if (button) turn(Number(button.dataset.viewerTurn));
});
document.addEventListener("keydown", (event) => {
  if (!viewer()?.open || pictures.length < 2) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) { event.preventDefault(); turn(document.dir === "rtl" ? -step : step); }
});
