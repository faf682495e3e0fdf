from bge_reranker.tuning.examples import TrainingExample
from bge_reranker.tuning.holding_out import MAX_HELD_OUT, MIN_HELD_OUT, hold_out


def examples(count: int, copies: int = 1) -> list[TrainingExample]:
    numbers = [number for number in range(count) for _ in range(copies)]
    return [TrainingExample(line, f"q{number}", {"a": 1, "b": 0}, {}) for line, number in enumerate(numbers)]


def test_no_query_is_on_both_sides_and_one_that_is_held_out_counts_once() -> None:
    training, held_out = hold_out(examples(50, copies=3), 0.2, seed=0)
    assert len(held_out) == 10
    assert len(training) == 120
    assert not {each.query for each in training} & {each.query for each in held_out}


def test_the_choice_depends_on_the_seed_and_not_on_the_order() -> None:
    forward, backward = hold_out(examples(50), 0.2, seed=0)[1], hold_out(examples(50)[::-1], 0.2, seed=0)[1]
    assert {each.query for each in forward} == {each.query for each in backward}
    assert {each.query for each in forward} != {each.query for each in hold_out(examples(50), 0.2, seed=1)[1]}


def test_few_and_many_queries_are_bounded() -> None:
    assert len(hold_out(examples(10), 0.01, seed=0)[1]) == MIN_HELD_OUT
    assert len(hold_out(examples(2_000), 0.5, seed=0)[1]) == MAX_HELD_OUT
