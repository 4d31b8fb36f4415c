// Dialogs: opened where the server's answer brings one or a button names one; recipients chosen by mouse or keys.

function openModals(root) {
  for (const dialog of document.querySelectorAll("dialog[data-modal]:not([open])")) {
    if (!root.contains(dialog)) continue;
    dialog.showModal();
    dialog.addEventListener("close", () => remove(dialog), { once: true });
  }
}

// Through htmx, so that a search which waits for the next letter goes with its dialog.
function remove(dialog) {
  return htmx.swap({ sourceElement: document.body, target: dialog, swap: "delete", text: "" });
}

function closeWhenSent({ detail: { ctx } }) {
  if (ctx.sourceElement.id === "compose-form" && ctx.response.status < 400) ctx.sourceElement.closest("dialog")?.close();
}

// A choice outlives the search that follows it.
function keepChosen({ detail: { tasks } }) {
  const chosen = document.querySelector("#recipients :checked");
  const fresh = tasks.map(({ fragment }) => fragment?.querySelector("#recipients")).find(Boolean);
  if (!chosen || !fresh || kindOf(fresh) !== kindOf(chosen.form)) return;
  const again = fresh.querySelector(`[type="radio"][value="${chosen.value}"]`);
  if (again) again.checked = true;
  else fresh.querySelector("legend").after(chosen.closest(".recipient").cloneNode(true));
}

const kindOf = (root) => root.querySelector("#recipients [name='recipient_type'], [name='recipient_type'][type='hidden']").value;

function searchKeys(event) {
  if (event.target.id !== "recipient-q") return;
  const first = document.querySelector("#recipients [type='radio']");
  if (event.key === "ArrowDown" && first) {
    event.preventDefault();
    (document.querySelector("#recipients :checked") ?? first).focus();
  }
  if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    if (!first) return;
    first.checked = true;
    document.getElementById("compose-subject").focus();
  }
}

document.addEventListener("htmx:after:process", ({ target }) => openModals(target));
document.addEventListener("htmx:after:request", closeWhenSent);
document.addEventListener("htmx:before:swap", keepChosen);
document.addEventListener("keydown", searchKeys);
document.addEventListener("click", ({ target }) => {
  const opener = target.closest("[data-open-dialog]");
  if (!opener) return;
  opener.closest("[popover]")?.hidePopover();
  document.getElementById(opener.dataset.openDialog).showModal();
});
