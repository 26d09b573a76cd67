// Light or dark: the system's choice until the button is used; plots are drawn again.
const themeListeners = [];
const systemDark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = byId("theme");
  button.textContent = dark ? "☀ Light" : "☾ Dark";
  button.setAttribute("aria-label", dark ? "Use the light theme" : "Use the dark theme");
  for (const redraw of themeListeners) redraw();
}

function startTheme() {
  setTheme(systemDark.matches);
  const follow = (event) => setTheme(event.matches);
  systemDark.addEventListener("change", follow);
  byId("theme").addEventListener("click", () => {
    systemDark.removeEventListener("change", follow);
    setTheme(!isDark());
  });
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
