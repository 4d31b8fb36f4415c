// Runs before the first paint: the chosen theme, the mark that scripts run, what only scripts use, and the time zone
// for the server.
{
  const root = document.documentElement;
  const remember = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private mode: for this page only */ } };
  const recall = (name) => { try { return localStorage.getItem(name); } catch { return null; } };

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function switchTheme(event) {
    if (!event.target.closest("[data-theme-toggle]")) return;
    root.dataset.theme = isDark() ? "light" : "dark";
    remember("theme", root.dataset.theme);
  }

  // What makes sense only with scripts comes in data blocks, each with a comment behind it: browsers for text show all
  // else, whatever style sheets say. A block is whole once its comment is there.
  const blocks = document.getElementsByClassName("scripted-block");
  function openBlocks() {
    for (const block of [...blocks]) {
      if (block.nextSibling) block.replaceWith(document.createRange().createContextualFragment(block.textContent));
    }
  }
  const parsing = new MutationObserver(openBlocks);

  parsing.observe(root, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", () => { openBlocks(); parsing.disconnect(); });
  document.addEventListener("htmx:after:process", openBlocks);
  root.classList.add("scripted");
  if (["light", "dark"].includes(recall("theme"))) root.dataset.theme = recall("theme");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `tz=${zone}; Path=/; SameSite=Lax; Max-Age=31536000`;
  document.addEventListener("click", switchTheme);
}
