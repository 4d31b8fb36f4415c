// Copies the text of another element: a line for each of its items, else all of it without spaces.
const SAID = 1500;

async function copy(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const items = [...source.querySelectorAll("li")].map((item) => item.textContent.trim());
  await navigator.clipboard.writeText(items.length ? items.join("\n") : source.textContent.replace(/\s/g, ""));
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, SAID);
}

document.addEventListener("click", copy);
