// Tells the others that somebody is writing here, now and then while keys are pressed. Nothing of it is stored.

const EVERY = 4000; // ms
let told = { where: "", at: 0 };

function sayTyping({ target }) {
  const form = target.form;
  if (target.id !== "content" || !form?.matches("[data-sends]") || !target.value.trim() || !target.matches(":focus")) return;
  if (document.getElementById("composer")?.dataset.status !== "open") return; // the server tells nobody of what is closed
  const where = form.action.replace(/\/messages$/, "/typing");
  if (where === told.where && Date.now() - told.at < EVERY) return;
  told = { where, at: Date.now() };
  const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
  fetch(where, { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => {});
}

document.addEventListener("input", sayTyping);
