/** What is served, from /info: shown once, and again while the model is still loading. */

import { element } from "./element.js";

const PATIENCE_MS = 2000;

/** Fills the list of facts; gives what /info says, or nothing where it does not answer. */
export async function showFacts(list) {
  let info = {};
  try {
    info = await (await fetch("info")).json();
  } catch {
    // Without an answer each fact says "unknown"; ranking tells why.
  }
  const { model = {}, scorer = {}, text = {} } = info;
  list.replaceChildren(
    fact("Model", model.name),
    fact("Digest", digest(model.digest)),
    fact("Precision", scorer.precision),
    fact("Device", device(scorer)),
    fact("Longest pair", text.max_pair_tokens && `${text.max_pair_tokens} tokens`),
    fact("State", info.ready ? "ready" : info.reason),
  );
  if (info.default_dialect) list.append(fact("Dialect unless named", info.default_dialect));
  if (info.ready === false) setTimeout(() => showFacts(list), PATIENCE_MS);
  return info;
}

function fact(label, value) {
  return element("div", "", element("dt", "", label), element("dd", "", value || "unknown"));
}

function digest(hexadecimal) {
  if (!hexadecimal) return undefined;
  const made = element("code", "", hexadecimal.slice(0, 12));
  made.title = hexadecimal;
  return made;
}

function device({ device: name, device_name: hardware }) {
  return hardware && hardware !== name ? `${name} (${hardware})` : name;
}
