// The number in the header is the server's; its copies in the navigation and the title follow it.

function copyUnread() {
  const badge = document.getElementById("unread-badge");
  const unread = badge?.hidden ? "" : badge?.firstChild.textContent ?? "";
  for (const copy of document.querySelectorAll("[data-unread-copy]")) {
    copy.textContent = unread;
    copy.parentElement.closest(".badge")?.toggleAttribute("hidden", !unread);
  }
  for (const copy of document.querySelectorAll("[data-waiting-copy]")) copy.textContent = badge?.dataset.waiting ?? "";
  const title = document.title.replace(/^\([\d\s.,’٬]+\) /, "");
  document.title = unread && !isTitleOff() ? `(${unread}) ${title}` : title;
}

function isTitleOff() {
  try { return localStorage.getItem("notices:title") === "off"; } catch { return false; }
}

document.addEventListener("htmx:finally:swap", copyUnread);
document.addEventListener("title-changed", copyUnread);
if (isTitleOff()) copyUnread();
