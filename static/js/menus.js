// Menus where browsers know no popovers (before Chrome 114, Firefox 125, Safari 17): their button opens and closes them,
// Escape and a click elsewhere close them. base.css hides those that are not open.

const known = "popover" in HTMLElement.prototype;
const OPEN = "data-popover-open";

export const openMenu = () => document.querySelector(known ? ":popover-open" : `[${OPEN}]`);
const opener = (menu) => document.querySelector(`[popovertarget="${menu.id}"]`);

export function closeMenu(menu) {
  if (!menu) return;
  if (known) return menu.hidePopover();
  menu.removeAttribute(OPEN);
  opener(menu).setAttribute("aria-expanded", "false");
}

function press({ target }) {
  const button = target.closest("[popovertarget]");
  const shown = openMenu();
  if (shown?.contains(target)) return;
  closeMenu(shown);
  const menu = button && document.getElementById(button.getAttribute("popovertarget"));
  if (!menu || menu === shown) return;
  menu.setAttribute(OPEN, "");
  button.setAttribute("aria-expanded", "true");
}

function leave(event) {
  const shown = openMenu();
  if (event.key !== "Escape" || !shown) return;
  event.preventDefault();
  closeMenu(shown);
  opener(shown).focus();
}

if (!known) {
  document.addEventListener("click", press);
  document.addEventListener("keydown", leave);
}
