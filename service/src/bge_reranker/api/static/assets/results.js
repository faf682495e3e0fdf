/** Drawing rankings. Texts enter the document as text only, never as markup. */

const MOST_SHOWN = 200;

/** An element with a class and children; strings become text. */
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** A count with its noun. */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Milliseconds as people read them. */
export function duration(ms) {
  if (ms === undefined) return "unknown";
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/**
 * One ranking with its figures.
 *
 * @param {string} title What ranked.
 * @param {Object} ranking An answer of `rank`.
 * @param {string[]} candidates Texts by index, for those without a score.
 * @param {"score"|"logit"} scale What is shown.
 * @param {Object} [beside] The ranking to compare with.
 */
export function panel(title, ranking, candidates, scale, beside) {
  const list = element("ol", "ranking");
  const places = beside && new Map(beside.results.map((result, place) => [result.index, place]));
  ranking.results.slice(0, MOST_SHOWN).forEach((result, place) => {
    list.append(item(result, place, scale, places?.get(result.index)));
  });
  for (const error of ranking.errors.slice(0, MOST_SHOWN)) list.append(unscored(error, candidates[error.index]));
  const made = element("section", "panel", element("h2", "", title), summary(ranking, beside, scale), list);
  if (ranking.results.length > MOST_SHOWN) {
    made.append(element("p", "hint", `The best ${MOST_SHOWN} of ${ranking.results.length} are shown.`));
  }
  made.append(latency(ranking.times));
  made.setAttribute("aria-label", title);
  return made;
}

function summary(ranking, beside, scale) {
  const truncated = ranking.results.filter((result) => result.truncated).length;
  const made = element("p", "summary", element("span", "", count(ranking.results.length, "candidate")));
  made.append(element("span", "", count(ranking.tokens, "token")), element("span", "", `${truncated} truncated`));
  if (beside) made.append(element("span", "", `largest difference ${largestDifference(ranking, beside, scale)}`));
  return made;
}

function largestDifference(ranking, beside, scale) {
  const others = new Map(beside.results.map((result) => [result.index, shown(result.score, scale)]));
  const gaps = ranking.results.map((result) => Math.abs(shown(result.score, scale) - others.get(result.index)));
  return Math.max(0, ...gaps.filter(Number.isFinite)).toFixed(4);
}

function item(result, place, scale, otherPlace) {
  const bar = element("span", "");
  bar.style.setProperty("--share", `${sigmoid(result.score) * 100}%`);
  const track = element("div", "bar", bar);
  track.setAttribute("aria-hidden", "true");
  const text = element("span", "text", result.text);
  text.dir = "auto";
  return element("li", "", element("span", "place", `${place + 1}`), text, score(result.score, scale), track,
    notes(result, place, otherPlace));
}

function score(logit, scale) {
  const made = element("span", "score", written(shown(logit, scale), scale));
  made.title = `logit ${logit}, score ${sigmoid(logit)}`;
  return made;
}

function notes(result, place, otherPlace) {
  const made = element("div", "notes", element("span", "", `index ${result.index}`));
  made.append(element("span", "", count(result.tokens, "token")));
  if (result.truncated) {
    const tag = element("span", "tag", "truncated");
    tag.title = "Something of this document, or of the query beside it, was cut.";
    made.append(tag);
  }
  if (otherPlace !== undefined && otherPlace !== place) {
    made.append(element("span", "", `${otherPlace > place ? "up" : "down"} ${Math.abs(otherPlace - place)}`));
  }
  return made;
}

function unscored(error, text) {
  const why = element("div", "notes", element("span", "tag", error.code), element("span", "", error.message));
  const made = element("li", "unscored", element("span", "place", "–"), element("span", "text", text ?? ""));
  made.append(element("span", "score", "no score"), why);
  return made;
}

const PHASES = { tokenise: "Tokenise", queue: "Queue", compute: "Compute", rest: "Other" };

function latency(times) {
  const { tokenise = 0, queue = 0, compute = 0, total } = times;
  const split = { tokenise, queue, compute, rest: Math.max(0, (total ?? 0) - tokenise - queue - compute) };
  const strip = element("div", "split");
  strip.setAttribute("aria-hidden", "true");
  const legend = element("dl", "legend");
  for (const [phase, label] of Object.entries(PHASES)) {
    const part = element("span", phase);
    part.style.setProperty("--share", `${total ? (split[phase] / total) * 100 : 0}%`);
    strip.append(part);
    legend.append(term(label, duration(split[phase]), `key ${phase}`));
  }
  legend.append(term("Total", duration(total)), term("Round trip", duration(times.roundTrip)));
  return element("div", "latency", element("h3", "", "Where the time went"), strip, legend);
}

function term(label, value, className = "") {
  return element("div", "", element("dt", className, label), element("dd", "", value));
}

function shown(logit, scale) {
  return scale === "logit" ? logit : sigmoid(logit);
}

function written(value, scale) {
  if (scale === "logit") return value.toFixed(3);
  return value > 0 && value < 0.0001 ? value.toExponential(1) : value.toFixed(4);
}

function sigmoid(logit) {
  return 1 / (1 + Math.exp(-logit));
}
