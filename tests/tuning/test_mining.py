from bge_reranker.tuning.examples import TrainingExample
from bge_reranker.tuning.mining import NegativeMiner

EXAMPLES = [
    TrainingExample(1, "red apple", {"an apple is a red fruit": 1}, {}),
    TrainingExample(2, "green apple", {"an apple that is green": 1}, {}),
    TrainingExample(3, "blue train", {"a train on blue rails": 1}, {}),
    TrainingExample(4, "red apple", {"apple, red, from the tree": 1}, {}),
    TrainingExample(5, "deep sea", {"fish live there": 1}, {}),
]


def test_negatives_look_like_answers_and_are_none_on_another_line() -> None:
    filled = NegativeMiner(EXAMPLES, seed=0).fill(EXAMPLES[0], 1)
    # The other answer to the same query is no negative.
    assert filled.negatives == ["an apple that is green"]


def test_negatives_of_the_file_stay_and_what_is_lacking_is_drawn() -> None:
    given = TrainingExample(1, "red apple", {"an apple is a red fruit": 1, "a stone": 0}, {})
    filled = NegativeMiner([given, *EXAMPLES[1:]], seed=0).fill(given, 4)
    assert filled.negatives[0] == "a stone"
    assert set(filled.negatives[1:]) == {"an apple that is green", "a train on blue rails", "fish live there"}


def test_a_teacher_did_not_score_what_is_mined_so_nothing_is() -> None:
    taught = TrainingExample(1, "red apple", {"a": 1}, {"a": 2.0})
    assert NegativeMiner([taught, *EXAMPLES], seed=0).fill(taught, 3) is taught


def test_the_base_model_chooses_the_hardest_below_the_relevant() -> None:
    scores = {"an apple is a red fruit": 2.0, "an apple that is green": 3.0, "a train on blue rails": 1.0}

    def score(_query: str, documents: list[str]) -> list[float]:
        return [scores.get(document, 0.0) for document in documents]

    filled = NegativeMiner(EXAMPLES, seed=0, score=score).fill(EXAMPLES[0], 1)
    # What the base puts above the answer may be one that nobody labelled.
    assert filled.negatives == ["a train on blue rails"]
