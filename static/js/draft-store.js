// Where drafts are kept in this browser: an entry per role, person, store and conversation ("12"; a new one "new", or
// "new?…" where it is known what it is about). It holds the words, the names of the files, for whom they are, and the
// idempotency key that makes one message of them, from whichever tab and however often they are sent.

export const FIELDS = ["subject", "content", "context_kind", "context_reference"];
export const prefix = () => `draft:${document.body.dataset.role}:`;
export const keyFor = (draft) => `${prefix()}${document.body.dataset.actor}:${document.body.dataset.store}:${draft}`;
export const keyOf = (form) => keyFor(form.dataset.draft);
export const isNew = (form) => form.dataset.draft.startsWith("new");

export function read(text) {
  try { return JSON.parse(text) ?? {}; } catch { return {}; }
}

export function load(key) {
  try { return read(localStorage.getItem(key)); } catch { return {}; }
}

export function store(key, draft) {
  try {
    if (FIELDS.some((name) => draft[name]) || draft.files?.length) localStorage.setItem(key, JSON.stringify(draft));
    else localStorage.removeItem(key);
  } catch { /* full or forbidden: the text still stands in its field */ }
}

export function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
