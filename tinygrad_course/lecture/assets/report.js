// The switch between the system's colours, light and dark; the choice is kept where the browser allows it.
"use strict";
{
  const names = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  let chosen = "auto";
  try { chosen = localStorage.getItem("tinygrad_course.theme") || "auto"; } catch { /* no storage for local files */ }
  const apply = () => {
    if (!names.includes(chosen)) chosen = "auto";
    if (chosen === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    button.textContent = chosen;
    button.setAttribute("aria-label", "Colours: " + chosen + ". Change");
  };
  button.addEventListener("click", () => {
    chosen = names[(names.indexOf(chosen) + 1) % names.length];
    try { localStorage.setItem("tinygrad_course.theme", chosen); } catch { /* then for this page only */ }
    apply();
  });
  button.hidden = false;
  apply();
}
// What is folded has no pages to print it on; the overview is printed.
addEventListener("beforeprint", () => { document.querySelector("#claims details")?.setAttribute("open", ""); });
