// Files of drafts, kept in this browser (IndexedDB) under the keys of their drafts, so that they outlive a reload and
// signing in again. There is room for one message of the largest kind; the files that were chosen last stay.

const ROOM = 100 * 1024 * 1024; // bytes, of all drafts together
let database = null; // once it is open, so that nothing has to wait for it when the page is left
const opening = open().then((opened) => { database = opened; });
opening.catch(() => {}); // forbidden or broken: each use says so again

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function open() {
  const asked = indexedDB.open("drafts", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("files", { keyPath: "key" });
  const opened = await settled(asked);
  opened.onversionchange = () => opened.close();
  return opened;
}

async function within(mode, act) {
  if (!database) await opening;
  const transaction = database.transaction("files", mode);
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  const [answer] = await Promise.all([act(transaction.objectStore("files")), done]);
  return answer;
}

const weigh = (files) => files.reduce((sum, file) => sum + file.size, 0);
const wanted = new Map(); // key -> the files of its last call: a copy that took its time must not come after it

export async function keep(key, files) {
  wanted.set(key, files);
  try {
    await put(key, files, weigh(files));
  } catch { // WebKit's private windows keep no files, but what is in them
    const copies = await Promise.all(files.map(copy));
    if (wanted.get(key) === files) await put(key, copies, weigh(files));
  }
}

function put(key, files, bytes) {
  return within("readwrite", async (store) => {
    if (!files.length || bytes > ROOM) return settled(store.delete(key));
    await settled(store.put({ key, files, bytes, at: Date.now() }));
    await makeRoom(store);
  });
}

async function copy(file) {
  return { name: file.name, type: file.type, lastModified: file.lastModified, content: await file.arrayBuffer() };
}

const fileOf = (kept) => (kept instanceof File ? kept : new File([kept.content], kept.name, kept));

async function makeRoom(store) {
  let room = ROOM;
  const entries = await settled(store.getAll());
  for (const { key, bytes } of entries.sort((a, b) => b.at - a.at)) {
    room -= bytes;
    if (room < 0) store.delete(key);
  }
}

export async function recall(key) {
  const entry = await within("readonly", (store) => settled(store.get(key)));
  return (entry?.files ?? []).map(fileOf);
}

export function wipe(prefix) {
  return within("readwrite", (store) => settled(store.delete(IDBKeyRange.bound(prefix, `${prefix}\uffff`))));
}
