/** The page's wiring: the form, the examples, the file, ranking and copying. Drawing and asking are elsewhere. */

import { curl, loadDialects } from "./dialects.js";
import { EXAMPLES } from "./examples.js";
import { showFacts } from "./facts.js";
import { count, duration, element } from "./element.js";
import { PICTURE_EXAMPLE, Pictures, drawn } from "./pictures.js";
import { Problem, rank } from "./request.js";
import { panel } from "./results.js";
import { scaleOf } from "./scale.js";
import { forgetTexts } from "./unfold.js";

const at = (id) => document.getElementById(id);
const form = at("form");

let running = null;
let last = null;
let command = "";
let server = {};
let dialects = new Map();

/** Characters of the command that are shown; all of them are copied. A browser takes seconds to lay out a megabyte. */
const MOST_SHOWN = 4000;

const asObject = (image) => ({ image });
const pictures = new Pictures(at("picture-list"), () => refresh());

/** What the form holds. Empty lines are no candidates. */
function wanted() {
  const options = {};
  if (form.long_documents.value) options.long_documents = form.long_documents.value;
  if (form.max_pair_tokens.value) options.max_pair_tokens = Number(form.max_pair_tokens.value);
  const candidates = form.candidates.value.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  // Texts and pictures are told apart by their kind: a picture is an object.
  return { query: form.query.value.trim(), candidates: [...candidates, ...pictures.sources.map(asObject)], options };
}

/** The key of a server that wants one; it lives in its field alone. */
function key() {
  return at("key-field").hidden ? "" : at("key").value.trim();
}

function presets() {
  return form.compare.value ? [form.preset.value, form.compare.value] : [form.preset.value];
}

async function submit(event) {
  event?.preventDefault();
  const asked = wanted();
  if (!isComplete(asked)) return;
  running?.abort();
  const mine = (running = new AbortController());
  setBusy(true);
  say(`Ranking ${count(asked.candidates.length, "candidate")}.`);
  try {
    const rankings = [];
    // One after the other: two at once would wait for each other, and the times shown would be of neither.
    for (const preset of presets()) rankings.push([preset, await rank(asked, preset, key(), mine.signal)]);
    last = { rankings, candidates: asked.candidates };
    showProblem(null);
    draw();
    say(...announcement(rankings));
  } catch (error) {
    if (mine !== running) return;
    fail(error);
  } finally {
    if (mine === running) setBusy(false);
  }
  reveal(at("outcome"));
}

/** Brings what came of it into sight, where it lies below the form: on a phone. */
function reveal(outcome) {
  if (outcome.getBoundingClientRect().top > innerHeight / 2) outcome.scrollIntoView();
}

/** Says beside each empty field what is missing, and goes to the first. */
function isComplete(asked) {
  const missing = [
    [at("key"), at("key-field").hidden ? "" : problemOfKey(key())],
    [form.query, asked.query ? "" : "Write what you are looking for."],
    [form.candidates, asked.candidates.length ? "" : "Write at least one candidate, or open a file."],
  ];
  for (const [field, text] of missing) {
    const note = at(`${field.id}-problem`);
    note.textContent = text;
    note.hidden = !text;
    field.setAttribute("aria-invalid", text ? "true" : "false");
  }
  missing.find(([, text]) => text)?.[0].focus();
  return missing.every(([, text]) => !text);
}

/** A header holds plain characters only; a browser refuses others without a word. */
function problemOfKey(text) {
  if (!text) return "This server wants an API key.";
  return /[^!-~]/.test(text) ? "A key has neither spaces nor letters with accents." : "";
}

function announcement(rankings) {
  const [, { results, times }] = rankings[0];
  const best = results.length ? ` Best: ${(results[0].text || "a picture").slice(0, 120)}` : "";
  const done = `Ranked ${count(results.length, "candidate")} in ${duration(times.total ?? times.roundTrip)}.`;
  return [done, element("span", "visually-hidden", best)];
}

function draw() {
  if (!last) return;
  const { rankings, candidates } = last;
  const scale = scaleOf(form.scale.value, rankings.map(([, ranking]) => ranking));
  forgetTexts();
  const unnamed = rankings.length > 1 ? "As the server is set" : "Ranking";
  const panels = rankings.map(([preset, ranking], place) => {
    return panel(preset || unnamed, ranking, candidates, scale, rankings[1 - place]?.[1]);
  });
  at("panels").replaceChildren(...panels);
}

function fail(error) {
  last = null;
  at("panels").replaceChildren();
  say("");
  // A server may have got its keys since it was asked about itself.
  if (error.status === 401) at("key-field").hidden = false;
  showProblem(error instanceof Problem ? error : new Problem("The page failed", String(error)));
}

function showProblem(problem) {
  const box = at("problem");
  box.hidden = !problem;
  box.replaceChildren();
  if (!problem) return;
  box.append(element("h2", "", problem.title), element("p", "", problem.text));
  if (problem.fine) box.append(element("p", "fine", problem.fine));
}

function setBusy(busy) {
  at("rank").setAttribute("aria-busy", String(busy));
  at("rank").textContent = busy ? "Ranking…" : "Rank";
}

/** Says in the line that screen readers read out whenever it changes. */
function say(...parts) {
  at("status").replaceChildren(...parts.filter(Boolean));
}

function refresh() {
  at("candidates-count").textContent = count(wanted().candidates.length, "candidate");
  const dialect = dialects.get(at("dialect").value);
  command = dialect ? curl(dialect, wanted(), form.preset.value, form.scale.value === "logit", server) : "";
  const more = command.length - MOST_SHOWN;
  at("command").textContent = more > 0 ? `${command.slice(0, MOST_SHOWN)}… and ${more} characters more` : command;
}

function fill({ query, candidates }, images = []) {
  form.query.value = query;
  pictures.show(images);
  form.candidates.value = candidates.join("\n");
  refresh();
}

async function openFile(event) {
  const [file] = event.target.files;
  if (!file) return;
  form.candidates.value = await file.text();
  event.target.value = "";
  refresh();
}

async function addPictures(event) {
  const tooLarge = await pictures.add(event.target.files);
  event.target.value = "";
  if (tooLarge.length) showProblem(new Problem("Too large", `These pictures were left out: ${tooLarge.join(", ")}.`));
}

/** Copies by the clipboard where the browser allows it: only on https and on this machine. Else by selection. */
async function copy() {
  try {
    await navigator.clipboard.writeText(command);
  } catch {
    at("command").textContent = command;
    getSelection().selectAllChildren(at("command"));
    document.execCommand("copy");
  }
  at("copied").textContent = "Copied.";
  at("copy").textContent = "Copied";
  at("copy").addEventListener("blur", () => { at("copy").textContent = "Copy as curl"; }, { once: true });
}

form.addEventListener("submit", submit);
form.addEventListener("input", refresh);
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
});
for (const radio of form.scale) radio.addEventListener("change", draw);
for (const button of form.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => fill(EXAMPLES[button.dataset.example]));
}
at("file").addEventListener("change", openFile);
at("pictures").addEventListener("change", addPictures);
at("picture-example").addEventListener("click", () => fill({ ...PICTURE_EXAMPLE, candidates: [] }, drawn()));
at("dialect").addEventListener("change", refresh);
at("copy").addEventListener("click", copy);

fill(EXAMPLES.english);
dialects = await loadDialects();
for (const { name, title } of dialects.values()) at("dialect").append(new Option(title, name));
refresh();
showFacts(at("facts")).then((info) => {
  server = info;
  at("key-field").hidden = !info.needs_key;
  // Only a dual encoder reads pictures; it says how its cosines become scores.
  for (const id of ["pictures-choice", "picture-example"]) at(id).hidden = !info.scorer?.calibration;
  refresh();
});
