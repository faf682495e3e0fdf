/** The request of the form in each dialect, and as a command for a shell. */

import { nativeBody } from "./request.js";

const QUERY = "{query}";
const DOCUMENT = "{document}";
const EACH = "{each}";

/** The server's dialects by name, each with what makes a request in it; none where it does not say. */
export async function loadDialects() {
  try {
    const response = await fetch("dialects");
    const { dialects } = response.ok ? await response.json() : { dialects: [] };
    return new Map(dialects.map((dialect) => [dialect.name, dialect]));
  } catch {
    return new Map();
  }
}

/**
 * The command that asks for the same in another dialect.
 *
 * @param {{name: string, path: string, body: *, logits: Object<string, *>}} dialect One of the server's.
 * @param {{query: string, candidates: string[], options: Object<string, *>}} wanted What the form holds.
 * @param {string} preset Name of a preset, or "".
 * @param {boolean} logits Whether logits are wanted.
 * @param {{default_dialect?: string, needs_key?: boolean}} server What it says of itself: the dialect that it speaks to
 *   whoever names none, and whether it wants a key.
 */
export function curl(dialect, wanted, preset, logits, { default_dialect: spoken, needs_key: needsKey }) {
  const { name, path } = dialect;
  const body = name === "native" ? nativeBody(wanted, preset) : filled(dialect.body, wanted.query, wanted.candidates);
  const content = logits ? merged(body, dialect.logits) : body;
  const url = new URL(path, document.baseURI).href;
  const lines = [`curl -sS ${quoted(url)}`, "-H 'Content-Type: application/json'"];
  if (spoken && spoken !== name && !path.startsWith("dialects/")) lines.push(`-H 'X-Rerank-Dialect: ${name}'`);
  // The shell puts the key in: a command is pasted into chats and kept in histories.
  if (needsKey) lines.push('-H "Authorization: Bearer $API_KEY"');
  lines.push(`-d ${quoted(JSON.stringify(content))}`);
  return lines.join(" \\\n  ");
}

/** A template with the form's texts; a list of EACH and an item becomes as many items as there are documents. */
function filled(template, query, documents, text = "") {
  if (template === QUERY) return query;
  if (template === DOCUMENT) return text;
  if (Array.isArray(template)) {
    if (template[0] === EACH) return documents.map((document) => filled(template[1], query, documents, document));
    return template.map((item) => filled(item, query, documents, text));
  }
  if (template === null || typeof template !== "object") return template;
  return Object.fromEntries(Object.entries(template).map(([key, item]) => [key, filled(item, query, documents, text)]));
}

/** A value with what another has in addition, in objects within objects and lists too. */
function merged(value, more) {
  if (Array.isArray(more)) return value.map((item, index) => (index in more ? merged(item, more[index]) : item));
  if (more === null || typeof more !== "object") return more;
  const added = Object.entries(more).map(([key, item]) => [key, key in value ? merged(value[key], item) : item]);
  return { ...value, ...Object.fromEntries(added) };
}

/** A word for a POSIX shell: inside single quotes nothing is special but the quote itself. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
