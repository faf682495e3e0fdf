/** Long texts: the first lines at first, and a button for the rest wherever there is more. */

import { element } from "./element.js";

const buttons = new WeakMap();

// How many lines a text takes depends on the width, so that it is asked whenever that changes.
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const isCut = target.scrollHeight > target.clientHeight + 1;
    buttons.get(target).hidden = !isCut && !target.classList.contains("whole");
  }
});

/** The button that shows all of a text. */
export function unfolding(text) {
  const button = element("button", "quiet unfold", "Show all");
  button.type = "button";
  button.hidden = true;
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    const isWhole = text.classList.toggle("whole");
    button.textContent = isWhole ? "Show less" : "Show all";
    button.setAttribute("aria-expanded", String(isWhole));
  });
  buttons.set(text, button);
  widths.observe(text);
  return button;
}

/** Forgets the texts of rankings that are no longer shown. */
export function forgetTexts() {
  widths.disconnect();
}
