/** The two ways to show a logit, as itself or as its sigmoid. Numbers, bars and the marks above the bars agree. */

export function sigmoid(logit) {
  return 1 / (1 + Math.exp(-logit));
}

/** The largest of some numbers, however many: they are no arguments of one call. */
export function largest(numbers, least = 0) {
  return numbers.reduce((one, other) => Math.max(one, other), least);
}

/* From nothing to full. */
const SCORE = {
  shown: sigmoid,
  written: (score) => (score > 0 && score < 0.0001 ? score.toExponential(1) : score.toFixed(4)),
  bar: (score) => ({ from: 0, share: score }),
  marks: ["0", "0.5", "1"],
};

/* From zero in the middle to either side, as far as the farthest logit of all that are compared. */
function logitScale(logits) {
  const reach = Math.ceil(largest(logits.map(Math.abs), 1));
  return {
    shown: (logit) => logit,
    written: (logit) => logit.toFixed(3),
    bar: (logit) => ({ from: 0.5 + Math.min(0, logit) / (2 * reach), share: Math.abs(logit) / (2 * reach) }),
    marks: [`−${reach}`, "0", `${reach}`],
  };
}

/**
 * The scale of all rankings that stand side by side.
 *
 * @param {"score"|"logit"} name What is shown.
 * @param {Object[]} rankings Answers of `rank`, with logits.
 */
export function scaleOf(name, rankings) {
  if (name === "score") return SCORE;
  return logitScale(rankings.flatMap((ranking) => ranking.results.map((result) => result.score)));
}
