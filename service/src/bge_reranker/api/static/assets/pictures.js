/** Pictures among the candidates: chosen from files or drawn as an example, shown in a list, removed by a click. */

import { element } from "./element.js";

const MOST_BYTES = 8_388_608;

/** The pictures that stand behind the candidates' texts, as data URIs. */
export class Pictures {
  /**
   * @param {HTMLElement} list Where they are shown.
   * @param {() => void} changed Called after each change.
   */
  constructor(list, changed) {
    this.list = list;
    this.changed = changed;
    this.sources = [];
  }

  /** Adds the pictures of some files; gives the names of those that are too large. */
  async add(files) {
    const fitting = [...files].filter((file) => file.size <= MOST_BYTES);
    this.show([...this.sources, ...(await Promise.all(fitting.map(dataUri)))]);
    return [...files].filter((file) => file.size > MOST_BYTES).map((file) => file.name);
  }

  /** Shows these pictures and no others. */
  show(sources) {
    this.sources = sources;
    this.list.replaceChildren(...sources.map((source, place) => this.#item(source, place)));
    this.list.hidden = !sources.length;
    this.changed();
  }

  #item(source, place) {
    const remove = element("button", "quiet", "Remove");
    remove.type = "button";
    remove.setAttribute("aria-label", `Remove picture ${place + 1}`);
    remove.addEventListener("click", () => this.show(this.sources.filter((_, other) => other !== place)));
    return element("li", "", thumbnail(source, `Picture ${place + 1}`), remove);
  }
}

/** A small view of a picture. */
export function thumbnail(source, name) {
  const image = element("img", "thumbnail");
  image.src = source;
  image.alt = name;
  return image;
}

function dataUri(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

const SIDE = 48;
const CELL = SIDE / 3;

/** A question, and pictures of which one answers it. */
export const PICTURE_EXAMPLE = {
  query: "three red circles on a white background",
  scenes: [
    ["circle", "#2d50d7", 3, "#f5f5f5"],
    ["square", "#d72828", 3, "#f5f5f5"],
    ["circle", "#d72828", 3, "#f5f5f5"],
    ["circle", "#d72828", 1, "#f5f5f5"],
    ["circle", "#d72828", 3, "#0f0f0f"],
  ],
};

/** Draws the pictures of the example. */
export function drawn() {
  return PICTURE_EXAMPLE.scenes.map(([shape, colour, count, background]) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const pen = canvas.getContext("2d");
    pen.fillStyle = background;
    pen.fillRect(0, 0, SIDE, SIDE);
    pen.fillStyle = colour;
    for (const cell of [4, 0, 8].slice(0, count)) {
      const [x, y] = [CELL * ((cell % 3) + 0.5), CELL * (Math.floor(cell / 3) + 0.5)];
      pen.beginPath();
      if (shape === "circle") pen.arc(x, y, 5.7, 0, 2 * Math.PI);
      else pen.rect(x - 4.4, y - 4.4, 8.8, 8.8);
      pen.fill();
    }
    return canvas.toDataURL("image/png");
  });
}
