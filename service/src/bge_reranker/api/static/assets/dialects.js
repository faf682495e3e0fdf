/** The request of the form in the words of each client family, and as a command for a shell. */

import { nativeBody } from "./request.js";

const MODEL = "bge-reranker";

/* Texts in the shapes that some families want. */

const objects = (documents) => documents.map((text) => ({ text }));
const pairs = (query, documents) => documents.map((text) => [query, text]);

/** Dialects by the server's names. `body` takes the query, its documents, and whether logits are wanted. */
export const DIALECTS = {
  native: { label: "Native", path: "rerank" },
  tei: {
    label: "TEI",
    path: "rerank",
    body: (query, texts, logits) => ({ query, texts, ...(logits && { raw_scores: true }) }),
  },
  "tei-predict": {
    label: "TEI predict",
    path: "predict",
    body: (query, documents, logits) => ({ inputs: pairs(query, documents), ...(logits && { raw_scores: true }) }),
  },
  "tei-vertex": {
    label: "TEI, Vertex AI",
    path: "vertex",
    body: (query, texts, logits) => ({ instances: [{ query, texts, ...(logits && { raw_scores: true }) }] }),
  },
  "cohere-v2": {
    label: "Cohere v2",
    path: "v2/rerank",
    body: (query, documents) => ({ model: MODEL, query, documents, top_n: documents.length }),
  },
  "cohere-v1": {
    label: "Cohere v1",
    path: "v1/rerank",
    body: (query, documents) => ({ model: MODEL, query, documents, return_documents: true, max_chunks_per_doc: 10 }),
  },
  jina: {
    label: "Jina",
    path: "v1/rerank",
    body: (query, documents) => ({ model: MODEL, query, documents, return_documents: true }),
  },
  vllm: {
    label: "vLLM rerank",
    path: "v1/rerank",
    body: (query, documents, logits) => ({ model: MODEL, query, documents, use_activation: !logits }),
  },
  "vllm-score": {
    label: "vLLM score",
    path: "score",
    body: (query, documents, logits) => ({ model: MODEL, text_1: query, text_2: documents, use_activation: !logits }),
  },
  nim: {
    label: "NVIDIA NIM",
    path: "v1/ranking",
    body: (query, documents) => ({ model: MODEL, query: { text: query }, passages: objects(documents), truncate: "END" }),
  },
  voyage: {
    label: "Voyage",
    path: "v1/rerank",
    body: (query, documents) => ({ model: MODEL, query, documents, top_k: null, truncation: true }),
  },
  mixedbread: {
    label: "mixedbread",
    path: "v1/reranking",
    body: (query, documents) => ({ model: MODEL, query, input: documents, return_input: true }),
  },
  weaviate: {
    label: "Weaviate",
    path: "rerank",
    body: (query, documents) => ({ query, documents, property: "" }),
  },
  ovms: {
    label: "OpenVINO Model Server",
    path: "v3/rerank",
    body: (query, documents) => ({ model: MODEL, query, documents }),
  },
  llamacpp: {
    label: "llama.cpp",
    path: "dialects/llamacpp/v1/rerank",
    body: (query, documents) => ({ model: MODEL, query, documents }),
  },
  infinity: {
    label: "infinity",
    path: "dialects/infinity/rerank",
    body: (query, documents, logits) => ({ model: MODEL, query, documents, return_documents: true, raw_scores: logits }),
  },
  sglang: {
    label: "SGLang",
    path: "dialects/sglang/v1/rerank",
    body: (query, documents) => ({ model: MODEL, query, documents }),
  },
  pinecone: {
    label: "Pinecone",
    path: "dialects/pinecone/rerank",
    body: (query, documents) => ({ model: MODEL, query, documents: objects(documents), return_documents: true }),
  },
  sagemaker: {
    label: "SageMaker cross-encoder",
    path: "invocations",
    body: (query, documents) => ({ text_pairs: pairs(query, documents) }),
  },
};

/**
 * The command that asks for the same in another dialect.
 *
 * @param {string} name Key of `DIALECTS`.
 * @param {{query: string, candidates: string[], options: Object<string, *>}} wanted What the form holds.
 * @param {string} preset Name of a preset, or "".
 * @param {boolean} logits Whether logits are wanted.
 * @param {{default_dialect?: string, needs_key?: boolean}} server What it says of itself: the dialect that it speaks to
 *   whoever names none, and whether it wants a key.
 */
export function curl(name, wanted, preset, logits, { default_dialect: spoken, needs_key: needsKey }) {
  const { path, body } = DIALECTS[name];
  const content = body
    ? body(wanted.query, wanted.candidates, logits)
    : { ...nativeBody(wanted, preset), ...(logits && { raw_scores: true }) };
  const url = new URL(path, document.baseURI).href;
  const lines = [`curl -sS ${quoted(url)}`, "-H 'Content-Type: application/json'"];
  if (spoken && spoken !== name && !path.startsWith("dialects/")) lines.push(`-H 'X-Rerank-Dialect: ${name}'`);
  // The shell puts the key in: a command is pasted into chats and kept in histories.
  if (needsKey) lines.push('-H "Authorization: Bearer $API_KEY"');
  lines.push(`-d ${quoted(JSON.stringify(content))}`);
  return lines.join(" \\\n  ");
}

/** A word for a POSIX shell: inside single quotes nothing is special but the quote itself. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
