// A list of options above a field, which the server fills as the user types. Arrow keys move the mark.

// `panel` and `field` return the two elements. `typed` returns the text to look for, or null if the list should not open;
// `take` gets the chosen option. `takenBy` are the keys that choose it; if Tab is one, Shift Tab still leaves the field.
export function offerOptions({ panel, field, typed, take, takenBy }) {
  const options = () => [...panel().querySelectorAll("[role='option']")];
  const marked = () => options().find((option) => option.getAttribute("aria-selected") === "true");
  let asked = 0;

  async function offer(words) {
    const mine = ++asked;
    const answer = await fetch(`${panel().dataset.address}?q=${encodeURIComponent(words)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (mine !== asked || !answer?.ok || !panel()) return;
    panel().innerHTML = await answer.text();
    panel().hidden = !panel().childElementCount;
    mark(0);
  }

  function close() {
    asked += 1;
    if (!panel() || panel().hidden) return;
    panel().hidden = true;
    panel().replaceChildren();
    field().removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    const all = options();
    const at = Math.min(Math.max(index, 0), all.length - 1);
    for (const [place, option] of all.entries()) option.setAttribute("aria-selected", String(place === at));
    if (all[at]) field().setAttribute("aria-activedescendant", all[at].id);
    all[at]?.scrollIntoView({ block: "nearest" });
  }

  function onKey(event) {
    if (event.target !== field() || !panel() || panel().hidden) return;
    const at = options().indexOf(marked());
    const takeMarked = () => marked() && take(marked());
    const acts = { ArrowDown: () => mark(at + 1), ArrowUp: () => mark(at - 1), Escape: close };
    const act = takenBy.includes(event.key) ? takeMarked : acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.isComposing || (event.shiftKey && takenBy.includes("Tab"))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  function onInput({ target }) {
    if (target !== field() || !panel()) return;
    const words = typed();
    if (words === null) close();
    else offer(words);
  }

  document.addEventListener("keydown", onKey, true);
  document.addEventListener("input", onInput);
  return { offer, close };
}
