/** Drawing rankings. */

import { count, duration, element } from "./element.js";
import { thumbnail } from "./pictures.js";
import { largest, sigmoid } from "./scale.js";
import { unfolding } from "./unfold.js";

const MOST_SHOWN = 200;

/**
 * One ranking with its figures.
 *
 * @param {string} title What ranked.
 * @param {Object} ranking An answer of `rank`.
 * @param {string[]} candidates Texts by index, for those without a score.
 * @param {Object} scale What is shown of the logits, as `scaleOf` makes it.
 * @param {Object} [beside] The ranking that stands beside it.
 */
export function panel(title, ranking, candidates, scale, beside) {
  const list = element("ol", "ranking");
  const places = beside && new Map(beside.results.map((result, place) => [result.index, place]));
  ranking.results.slice(0, MOST_SHOWN).forEach((result, place) => {
    list.append(item(result, candidates[result.index], place, scale, places?.get(result.index)));
  });
  for (const error of ranking.errors.slice(0, MOST_SHOWN)) list.append(unscored(error, candidates[error.index]));
  const made = element("section", "panel", element("h2", "", title), summary(ranking, beside, scale));
  if (ranking.results.length) made.append(marks(scale));
  made.append(list);
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
  made.append(element("span", "", count(ranking.tokens, "token")));
  made.append(element("span", "", truncated ? `${truncated} truncated` : "nothing truncated"));
  if (beside) made.append(element("span", "", `largest difference ${largestDifference(ranking, beside, scale)}`));
  return made;
}

function largestDifference(ranking, beside, scale) {
  const others = new Map(beside.results.map((result) => [result.index, scale.shown(result.score)]));
  const gaps = ranking.results.map((result) => Math.abs(scale.shown(result.score) - others.get(result.index)));
  return largest(gaps.filter(Number.isFinite)).toFixed(4);
}

/** What the ends and the middle of every bar stand for. */
function marks(scale) {
  const made = element("div", "marks", ...scale.marks.map((mark) => element("span", "", mark)));
  made.setAttribute("aria-hidden", "true");
  return made;
}

function item(result, candidate, place, scale, otherPlace) {
  const text = shown(candidate, result.text);
  const made = element("li", "", element("span", "place", `${place + 1}`), text, score(result.score, scale));
  made.append(bar(result.score, scale), notes(result, place, otherPlace, unfolding(text)));
  return made;
}

/** A candidate as it is: the picture, or the text. */
function shown(candidate, content) {
  if (!candidate?.image) return wholeText(content ?? candidate ?? "");
  return element("span", "text", thumbnail(candidate.image, "Picture"));
}

function wholeText(content) {
  const text = element("span", "text", content);
  text.dir = "auto";
  return text;
}

function bar(logit, scale) {
  const filled = element("span", "");
  const { from, share } = scale.bar(scale.shown(logit));
  filled.style.setProperty("--from", `${from * 100}%`);
  filled.style.setProperty("--share", `${share * 100}%`);
  const track = element("div", "bar", filled);
  track.setAttribute("aria-hidden", "true");
  return track;
}

function score(logit, scale) {
  const made = element("span", "score", scale.written(scale.shown(logit)));
  made.title = `logit ${logit}, score ${sigmoid(logit)}`;
  return made;
}

function notes(result, place, otherPlace, unfold) {
  const made = element("div", "notes", element("span", "", `index ${result.index}`));
  made.append(element("span", "", count(result.tokens, "token")));
  if (result.truncated) {
    const tag = element("span", "tag", "truncated");
    tag.title = "The model did not see all of it: something of this document, or of the query beside it, was cut.";
    made.append(tag);
  }
  if (otherPlace !== undefined && otherPlace !== place) {
    const moved = element("span", "", `${otherPlace > place ? "up" : "down"} ${Math.abs(otherPlace - place)}`);
    moved.title = "Places, compared with the ranking beside this one.";
    made.append(moved);
  }
  made.append(unfold);
  return made;
}

function unscored(error, content) {
  const text = shown(content);
  const why = element("div", "notes", element("span", "tag", error.code), element("span", "", error.message));
  why.append(unfolding(text));
  return element("li", "unscored", element("span", "place", "–"), text, element("span", "score", "no score"), why);
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
