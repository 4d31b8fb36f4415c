// `@` and the beginning of a colleague's name in a note opens a list; Enter or Tab inserts the name that is marked.
// The server reads the names in the text, so that typing one by hand does the same.

import { offerOptions } from "./options.js";

const BEGUN = /(?:^|[^\p{L}\p{N}_])@([\p{L}\p{M}\p{N}'’.-]*(?: [\p{L}\p{M}\p{N}'’.-]+)?)$/u;
const field = () => document.getElementById("note-content");
const { close } = offerOptions({ panel: () => document.getElementById("colleagues"), field, typed, take: insert, takenBy: ["Enter", "Tab"] });

// What stands between an @ and the cursor, or null.
function typed() {
  const { value, selectionStart, selectionEnd } = field();
  return selectionStart === selectionEnd ? (BEGUN.exec(value.slice(0, selectionStart))?.[1] ?? null) : null;
}

function insert(option) {
  const end = field().selectionStart;
  field().setRangeText(`${option.dataset.name} `, end - (typed() ?? "").length, end, "end");
  close();
  field().focus();
  field().dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("focusout", ({ target }) => target === field() && setTimeout(() => document.activeElement !== field() && close(), 200));
document.addEventListener("click", ({ target }) => {
  const option = target.closest("#colleagues [role='option']");
  if (option) insert(option);
});
