/** Asking the server: the request that the form describes, its answer with times, and its errors in words. */

/** A failure, told for people. */
export class Problem extends Error {
  /**
   * @param {string} title What happened, in a few words.
   * @param {string} text What to do about it.
   * @param {string} fine Code and request id, for whoever reads the log.
   * @param {number} [status] Status of the answer, where there was one.
   */
  constructor(title, text, fine = "", status = undefined) {
    super(title);
    this.status = status;
    this.title = title;
    this.text = text;
    this.fine = fine;
  }
}

const TITLES = {
  401: "The server does not let this key in",
  408: "The request took too long to arrive",
  413: "That is too much at once",
  422: "The server cannot work with this request",
  429: "The server is busy",
  503: "The server is not ready",
  504: "It took too long",
};

/**
 * The body of a native request.
 *
 * @param {{query: string, candidates: string[], options: Object<string, *>}} wanted What the form holds.
 * @param {string} preset Name of a preset, or "" for the server's own.
 */
export function nativeBody(wanted, preset) {
  return { query: wanted.query, candidates: wanted.candidates, ...(preset && { preset }), ...wanted.options };
}

/**
 * Ranks, always in logits: the score is their sigmoid, so that the page can show either.
 *
 * @throws {Problem} What went wrong, in words.
 */
export async function rank(wanted, preset, key, signal) {
  const began = performance.now();
  const body = JSON.stringify({ ...nativeBody(wanted, preset), raw_scores: true });
  let response;
  try {
    response = await fetch("rerank", { method: "POST", headers: headers(key), body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server cannot be reached", "It may be restarting, or the network is down. Try again in a moment.");
  }
  const answer = await readJson(response);
  if (!response.ok) throw problemOf(response, answer);
  if (!Array.isArray(answer.results)) throw new Problem("The answer is no ranking", NOT_OURS);
  return {
    results: answer.results,
    errors: answer.errors ?? [],
    tokens: answer.usage?.total_tokens ?? 0,
    times: { ...serverTimes(response), roundTrip: performance.now() - began },
  };
}

const NOT_OURS = "Something between this page and the server may have answered in its place, such as a proxy.";

function headers(key) {
  const always = { "Content-Type": "application/json", "X-Rerank-Dialect": "native" };
  return key ? { ...always, Authorization: `Bearer ${key}` } : always;
}

async function readJson(response) {
  try {
    return await response.json();
  } catch {
    return {};
  }
}

function problemOf(response, answer) {
  const said = typeof answer.message === "string" ? answer.message : NOT_OURS;
  const title = TITLES[response.status] ?? (response.status >= 500 ? "The server failed" : "The request was refused");
  const fine = [`HTTP ${response.status}`, response.headers.get("X-Error-Code"), idOf(response)];
  return new Problem(title, `${waiting(response)}${sentence(said)}`, fine.filter(Boolean).join(" · "), response.status);
}

/** Some of the server's messages start small, since logs put a code before them. */
function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return !whole || /[.!?。]$/.test(whole) ? whole : `${whole}.`;
}

function waiting(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  if (!(seconds > 0)) return "";
  return `Try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}. `;
}

function idOf(response) {
  const id = response.headers.get("X-Request-Id");
  return id && `request ${id}`;
}

/** Milliseconds by phase, from the Server-Timing header: `compute;dur=4.1, total;dur=5.3`. */
function serverTimes(response) {
  const times = {};
  for (const part of (response.headers.get("Server-Timing") ?? "").split(",")) {
    const [name, duration] = part.trim().split(";dur=");
    if (duration) times[name] = Number(duration);
  }
  return times;
}
