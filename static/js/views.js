// The saved view whose list is shown is marked in the navigation.

function markView() {
  const section = document.getElementById("conversations");
  const shown = section && document.body.dataset.messages + section.dataset.query;
  for (const link of document.querySelectorAll("#saved-views a")) {
    if (link.getAttribute("href") === shown) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

document.addEventListener("htmx:after:swap", markView);
