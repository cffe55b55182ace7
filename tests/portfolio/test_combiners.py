"""Combine window forecasts: each rule against its definition, and what the choice must not do."""

from __future__ import annotations

import numpy as np
import pytest

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.combiners import ENSEMBLES, ScaledErrors, choose, combine
from automodel_sk.portfolio.rules import RULES
from automodel_sk.portfolio.shortlist import Field

H = 4


def _errors_of(n_series: int, n_windows: int, h: int = H) -> ScaledErrors:
    return ScaledErrors(np.zeros((n_series, n_windows, h)), np.ones(n_series))


def _constant(*values: float, n_series: int = 1, n_windows: int = 1, h: int = H):
    """Return candidates that forecast one value everywhere; the truth is zero."""
    return [np.full((n_series, n_windows, h), value, dtype=np.float32) for value in values]


def _mix(rule: str, forecasts, errors_of, names=None, families=None):
    names = names or [f"M{i}" for i in range(len(forecasts))]
    families = families or ["statistical"] * len(forecasts)
    judged = Field(forecasts, errors_of, names, families).judged()
    mix = RULES[rule](judged)
    return dict(mix.weights), mix.kind


def _noisy(rng, skills, n_series, n_windows, shared=0.5, h=H):
    """Return forecasts of zero whose errors have these sizes and a part in common."""
    common = rng.standard_normal((n_series, n_windows, h))
    own = rng.standard_normal((len(skills), n_series, n_windows, h))
    errors = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    return list((np.reshape(skills, (-1, 1, 1, 1)) * errors).astype(np.float32))


# Each rule by hand.


def test_the_best_single_one_has_all_the_weight():
    assert _mix("best", _constant(2.0, -1.0, 3.0), _errors_of(1, 1)) == ({1: 1.0}, "mean")


@pytest.mark.parametrize(
    ("rule", "members", "kind"),
    [
        ("mean3", {0, 1, 2}, "mean"),
        ("mean5", {0, 1, 2, 3, 4}, "mean"),
        ("median5", {0, 1, 2, 3, 4}, "median"),
    ],
)
def test_means_and_medians_take_the_first_few(rule: str, members: set[int], kind: str):
    forecasts = _constant(1.0, 1.1, 1.2, 1.3, 1.4, 1.45)
    weights, found = _mix(rule, forecasts, _errors_of(1, 1))
    assert found == kind
    assert weights == dict.fromkeys(members, pytest.approx(1 / len(members)))


def test_means_take_the_best_of_each_model_before_the_second_of_any():
    names = ["NHITS", "NHITS", "NHITS", "AutoETS", "AutoCES"]
    forecasts = _constant(1.0, 1.1, 1.2, 1.3, 1.4)
    assert set(_mix("mean3", forecasts, _errors_of(1, 1), names)[0]) == {0, 3, 4}
    one_model = ["NHITS"] * 3 + ["AutoETS"] * 2
    assert set(_mix("mean3", forecasts, _errors_of(1, 1), one_model)[0]) == {0, 1, 3}


def test_means_leave_out_what_is_much_worse_than_the_best():
    weights, _ = _mix("mean5", _constant(1.0, 1.4, 1.6, 2.9), _errors_of(1, 1))
    assert set(weights) == {0, 1}


def test_negative_errors_are_ranked_and_combined_by_their_size():
    def errors_of(forecasts):  # as of a metric such as -R2, whose best value is -1
        return forecasts[..., 0].astype(float) - 1.0

    names = ["AutoETS", "NHITS", "Naive", "AutoCES", "LightGBM"]
    families = ["statistical", "neural", "naive", "statistical", "tree"]
    forecasts = _constant(0.12, 0.10, 0.14, 0.50, 0.62, h=1)
    field = Field(forecasts, errors_of, names, families)
    found = [float(errors[0, 0]) for errors in field.errors]
    # 1.1 times as large an error is worse: -0.9 counts as -0.81.
    assert found == pytest.approx([-0.88, -0.81, -0.86, -0.50, -0.38])
    assert field.shortlist(np.array([[True]])) == [0, 2, 1, 3, 4]
    assert set(_mix("mean5", forecasts, errors_of, names, families)[0]) == {0, 1, 2, 3}
    untuned = Field(forecasts, errors_of, names, families, tuned=False)
    assert untuned.shortlist(np.array([[True]]))[0] == 1
    worse_than_naive = Field(_constant(0.12, 0.15, 0.14, h=1), errors_of, names, families)
    assert worse_than_naive.shortlist(np.array([[True]])) == [0, 2]


def test_a_metric_below_zero_combines_as_many_as_one_above_zero():
    rng = np.random.default_rng(0)
    forecasts = _noisy(rng, [1.0, 1.02, 1.04, 1.06, 1.08], 30, 3, shared=0.2)
    families = ["statistical"] * 5

    def positive(forecasts):
        return (forecasts.astype(float) ** 2).mean(axis=-1)

    def negative(forecasts):
        return positive(forecasts) - 3.0

    found = [choose(forecasts, errors, list("abcde"), families) for errors in (positive, negative)]
    assert found[0].name == found[1].name == "mean5"
    assert found[0].weights == found[1].weights == dict.fromkeys(range(5), 0.2)
    assert found[1].score == pytest.approx(found[0].score - 3.0)


def test_a_median_is_that_of_the_members():
    forecasts = np.array([[1.0], [2.0], [30.0]])
    assert combine(forecasts, dict.fromkeys(range(3), 1 / 3), "median").tolist() == [2.0]
    assert combine(dict(enumerate(forecasts)), {0: 0.5, 2: 0.5}).tolist() == [15.5]


def test_greedy_selection_adds_what_lowers_the_error_of_the_mean():
    # Alone: 1, 2, 3 (mean absolute errors). First 0; then of (1+1)/2, (1-2)/2, (1+3)/2 the second
    # is least: 0.5; then (1-2+1)/3 = 0, which no further round can lower.
    weights, kind = _mix("greedy", _constant(1.0, -2.0, 3.0), _errors_of(1, 1))
    assert kind == "mean"
    assert weights == {0: pytest.approx(2 / 3), 1: pytest.approx(1 / 3)}


def test_shrunk_weights_are_half_way_to_equal_ones():
    weights, _ = _mix("shrunk", _constant(1.0, -2.0, 3.0), _errors_of(1, 1))
    assert weights == {0: pytest.approx((2 / 3 + 1 / 2) / 2), 1: pytest.approx((1 / 3 + 1 / 2) / 2)}


def test_greedy_selection_agrees_with_a_plain_one():
    rng = np.random.default_rng(0)
    forecasts, errors_of = _noisy(rng, [1.0, 1.1, 1.2, 1.3], 9, 2), _errors_of(9, 2)
    picks: list[int] = []
    trail: list[float] = []
    for _ in range(100):
        scores = [
            float(errors_of(np.mean([forecasts[j] for j in [*picks, i]], axis=0)).mean())
            for i in range(4)
        ]
        picks.append(int(np.argmin(scores)))
        trail.append(min(scores))
        if len(trail) > 10 and min(trail[-10:]) >= min(trail[:-10]) * (1 - 1e-6):
            break
    picks = picks[: 1 + int(np.argmin(trail))]
    shares = {i: picks.count(i) / len(picks) for i in set(picks)}
    assert _mix("greedy", forecasts, errors_of)[0] == pytest.approx(shares)


def test_small_weights_are_dropped_and_members_limited():
    rng = np.random.default_rng(1)
    forecasts = _noisy(rng, np.linspace(1, 1.3, 20), 60, 2, shared=0.1)
    for rule in ("greedy", "shrunk", "mean5", "mean3", "median5", "best"):
        weights, _ = _mix(rule, forecasts, _errors_of(60, 2))
        assert len(weights) <= 5
        assert min(weights.values()) >= 0.05
        assert sum(weights.values()) == pytest.approx(1.0)


# Which candidates take part.


def test_the_shortlist_has_three_of_a_model_and_twenty_five_in_all():
    values = np.linspace(1.0, 1.5, 40)
    names = ["NHITS"] * 10 + [f"M{i}" for i in range(30)]
    field = Field(_constant(*values), _errors_of(1, 1), names, ["statistical"] * 40)
    assert field.shortlist(np.ones((1, 1), dtype=bool)) == [0, 1, 2, *range(10, 32)]


def test_candidates_without_forecasts_or_three_times_as_bad_are_left_out():
    forecasts = [*_constant(1.0, 2.9, 3.1, np.nan), None, *_constant(np.inf)]
    field = Field(forecasts, _errors_of(1, 1), list("abcdef"), ["statistical"] * 6)
    assert field.shortlist(np.ones((1, 1), dtype=bool)) == [0, 1]


def test_networks_that_do_not_beat_the_baseline_get_no_weight():
    forecasts = _constant(1.0, 1.0, 0.99, -1.2, n_series=30, n_windows=3)
    names = ["Naive", "NHITS", "MLP", "TFT"]
    for allowed in ENSEMBLES:
        found = choose(
            forecasts,
            _errors_of(30, 3),
            names,
            ["naive", "neural", "neural", "neural"],
            allowed=allowed,
        )
        assert set(found.weights) <= {0, 2}, allowed


@pytest.mark.parametrize(
    ("network", "tuned", "first"),
    [(0.95, True, "AutoETS"), (0.95, False, "NHITS"), (0.9, True, "NHITS")],
)
def test_a_network_is_not_ranked_by_all_its_luck(network: float, tuned: bool, first: str):
    # Its configuration and its best step were chosen by the same windows.
    families = ["statistical", "neural", "naive"]
    found = choose(
        _constant(1.0, network, 1.3, n_series=3, n_windows=2),
        _errors_of(3, 2),
        ["AutoETS", "NHITS", "Naive"],
        families,
        allowed="best",
        tuned=tuned,
    )
    [chosen] = found.weights
    assert ["AutoETS", "NHITS"][chosen] == first
    assert found.score == pytest.approx([1.0, network][chosen])  # as it is, not as it counts


def test_pretrained_networks_were_tuned_on_nothing():
    field = Field(_constant(1.0, 0.95), _errors_of(1, 1), ["A", "B"], ["statistical", "pretrained"])
    assert field.shortlist(np.ones((1, 1), dtype=bool)) == [1, 0]


def test_a_network_that_is_hardly_better_than_the_baseline_still_takes_part():
    forecasts = _constant(1.0, 0.99, n_series=3, n_windows=2)
    names, families = ["Naive", "NHITS"], ["naive", "neural"]
    found = choose(forecasts, _errors_of(3, 2), names, families, allowed="mean")
    assert found.weights == {0: 0.5, 1: 0.5}


def test_repeated_forecasts_take_part_once():
    forecasts = _constant(1.0, 1.0, -1.2)
    weights, _ = _mix("mean3", forecasts, _errors_of(1, 1), ["SeasonalNaive", "Naive", "AutoETS"])
    assert weights == {1: 0.5, 2: 0.5}


def test_nothing_finite_is_refused():
    with pytest.raises(InvalidInputError, match="no candidate has finite errors"):
        choose([None, *_constant(np.nan)], _errors_of(1, 1), ["a", "b"], ["naive", "naive"])


def test_an_unknown_ensemble_is_refused():
    with pytest.raises(InvalidInputError, match="ensemble must be one of auto, best, mean"):
        choose(_constant(1.0), _errors_of(1, 1), ["a"], ["naive"], allowed="avg")


# The choice.


def test_scores_are_those_of_windows_left_out():
    # In each window another candidate is perfect; the best of the other two windows is always bad
    # in the one left out, where the rule errs by 3 or 4.
    forecasts = np.zeros((3, 1, 3, 1), dtype=np.float32)
    for i in range(3):
        forecasts[i, 0, :, 0] = [3.0 + i / 10 if window == i else 0.1 for window in range(3)]
    errors_of = _errors_of(1, 3, h=1)
    found = choose(list(forecasts), errors_of, list("abc"), ["statistical"] * 3, allowed="best")
    assert found.validation == "windows"
    # Without window 0 candidate 0 is best (0.1, 0.1), and so on.
    assert found.score == pytest.approx(np.mean([3.0, 3.1, 3.2]))
    assert found.score == found.scores["best"]
    assert errors_of(found.forecasts).mean() == pytest.approx(found.score)


def test_luck_in_one_window_is_not_chosen_alone():
    rng = np.random.default_rng(4)
    forecasts = _noisy(rng, [1.0] * 6, 40, 3)
    forecasts[5][:, 1] *= 0.0  # perfect in the second window
    forecasts[5][:, ::2] *= 1.2
    names = [f"M{i}" for i in range(6)]
    found = choose(forecasts, _errors_of(40, 3), names, ["statistical"] * 6)
    assert len(found.weights) > 1
    assert found.weights.get(5, 0.0) < 0.5


def test_one_far_better_candidate_is_chosen_alone():
    rng = np.random.default_rng(5)
    forecasts = _noisy(rng, [0.3, 1.0, 1.1, 1.2, 1.3], 30, 3, shared=0.9)
    found = choose(forecasts, _errors_of(30, 3), list("abcde"), ["statistical"] * 5)
    assert found.weights == {0: 1.0}
    assert (found.name, found.kind) == ("best", "mean")


def test_five_windows_of_one_series_do_not_show_that_one_candidate_is_best():
    chosen = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        forecasts = _noisy(rng, [1.0] * 6, 1, 5, shared=0.7)
        found = choose(forecasts, _errors_of(1, 5), list("abcdef"), ["statistical"] * 6)
        chosen.append(found.name)
    assert chosen.count("best") == 0
    assert chosen.count("mean5") >= 17


def test_a_mean_is_preferred_to_weights_that_are_no_better():
    rng = np.random.default_rng(6)
    forecasts = _noisy(rng, [1.0] * 8, 50, 3)
    found = choose(forecasts, _errors_of(50, 3), list("abcdefgh"), ["statistical"] * 8)
    assert found.name == "mean5"
    assert found.scores["mean5"] < found.scores["best"]


def _random_walks_and_seasonal_series(n_series: int, n_windows: int, season: int = 12):
    """Return forecasts of several simple models, the truth, and the scales."""
    rng = np.random.default_rng(7)
    n_rows = 6 * season + n_windows * season
    walks = 50 + np.cumsum(rng.standard_normal((n_series // 2, n_rows)), axis=1)
    shapes = np.tile(5 * rng.standard_normal((n_series - len(walks), season)), n_rows // season)
    y = np.concatenate([walks, 50 + shapes + rng.standard_normal(shapes.shape)])
    forecasts: dict[str, list[np.ndarray]] = {}
    for window in range(n_windows):
        past = y[:, : n_rows - (n_windows - window) * season]
        seasons = past.reshape(n_series, -1, season)
        level, zeros = past[:, -1:], np.zeros((1, season))
        for name, values in {
            "Naive": level + zeros,
            "SeasonalNaive": seasons[:, -1],
            "SeasonalMean": seasons[:, -4:].mean(axis=1),
            "WindowAverage": seasons[:, -1].mean(axis=1, keepdims=True) + zeros,
            "Drift": level + (level - past[:, :1]) / past.shape[1] * np.arange(1, season + 1),
        }.items():
            forecasts.setdefault(name, []).append(values)
    truth = y[:, -n_windows * season :].reshape(n_series, n_windows, season)
    scales = np.abs(y[:, season:] - y[:, :-season]).mean(axis=1)
    stacked = {name: np.stack(v, axis=1).astype(np.float32) for name, v in forecasts.items()}
    return stacked, truth, scales


def test_the_ensemble_beats_each_single_model_where_series_differ():
    forecasts, truth, scales = _random_walks_and_seasonal_series(60, 4)
    names = list(forecasts)
    found = choose(
        [f[:, :3] for f in forecasts.values()],
        ScaledErrors(truth[:, :3], scales),
        names,
        ["statistical"] * len(names),
    )
    later = ScaledErrors(truth[:, 3:], scales)
    singles = {name: later(f[:, 3:]).mean() for name, f in forecasts.items()}
    ahead = [f[:, 3:] for f in forecasts.values()]
    ensemble = later(combine(ahead, found.weights, found.kind)).mean()
    assert ensemble < min(singles.values())
    assert len(found.weights) > 1


def test_unobserved_steps_do_not_count():
    rng = np.random.default_rng(8)
    forecasts = _noisy(rng, [1.0, 1.2, 1.4], 25, 3)
    truth = np.zeros((25, 3, H))
    truth[:, :, -1] = np.nan
    truth[3] = np.nan
    wild = [f.copy() for f in forecasts]
    for f in wild:
        f[:, :, -1] = 1e6
        f[3] = -1e6
    errors_of = ScaledErrors(truth, np.ones(25))
    calm, found = (choose(f, errors_of, list("abc"), ["naive"] * 3) for f in (forecasts, wild))
    assert found == calm
    kept = np.delete(np.arange(25), 3)
    fewer = choose(
        [f[kept, :, :-1] for f in forecasts], _errors_of(24, 3, H - 1), list("abc"), ["naive"] * 3
    )
    assert fewer.score == pytest.approx(found.score)
    assert fewer.weights == pytest.approx(found.weights)


def test_scales_of_zero_do_not_count_unless_there_are_no_others():
    truth = np.zeros((2, 1, 2))
    forecasts = np.ones((2, 1, 2), dtype=np.float32)
    assert np.isnan(ScaledErrors(truth, np.array([0.0, 2.0]))(forecasts)).tolist() == [
        [True],
        [False],
    ]
    assert ScaledErrors(truth, np.zeros(2))(forecasts).tolist() == [[1.0], [1.0]]
    by_window = ScaledErrors(truth, np.array([[4.0], [2.0]]))
    assert by_window(forecasts).tolist() == [[0.25], [0.5]]


@pytest.mark.parametrize(("n_series", "n_windows"), [(1, 1), (1, 3), (12, 1), (40, 1), (40, 3)])
@pytest.mark.parametrize("allowed", ENSEMBLES)
def test_the_order_of_series_and_candidates_does_not_matter(
    n_series: int, n_windows: int, allowed: str
):
    rng = np.random.default_rng(9)
    forecasts = _noisy(rng, np.linspace(0.8, 1.5, 9), n_series, n_windows)
    truth = rng.standard_normal((n_series, n_windows, H)) * 0.1
    scales = rng.uniform(1, 2, n_series)
    names, families = list("aabbccdde"), ["neural", "statistical", "naive"] * 3
    found = choose(forecasts, ScaledErrors(truth, scales), names, families, allowed=allowed)
    rows, places = rng.permutation(n_series), rng.permutation(9)
    shuffled = choose(
        [forecasts[i][rows] for i in places],
        ScaledErrors(truth[rows], scales[rows]),
        [names[i] for i in places],
        [families[i] for i in places],
        allowed=allowed,
    )
    assert shuffled.name == found.name
    assert {int(places[i]): w for i, w in shuffled.weights.items()} == pytest.approx(found.weights)
    assert shuffled.score == pytest.approx(found.score, rel=1e-6)
    assert sum(found.weights.values()) == pytest.approx(1.0)


def test_ties_go_to_the_first_name():
    forecasts = _constant(1.0, -1.0, n_windows=2)
    found = choose(forecasts, _errors_of(1, 2), ["b", "a"], ["naive"] * 2, allowed="best")
    assert found.weights == {1: 1.0}


# One window.


def test_one_window_of_one_series_has_equal_weights_and_says_so():
    forecasts = _constant(1.0, 1.1, -1.2)
    found = choose(forecasts, _errors_of(1, 1), list("abc"), ["naive"] * 3)
    assert (found.name, found.kind, found.validation) == ("mean5", "mean", "none")
    assert found.weights == dict.fromkeys(range(3), pytest.approx(1 / 3))
    assert found.score == pytest.approx(0.3)
    assert found.standard_error is None
    assert choose(
        forecasts, _errors_of(1, 1), list("abc"), ["naive"] * 3, allowed="median"
    ).score == pytest.approx(1.0)


def test_one_window_of_few_series_keeps_the_default_but_scores_it_on_series_left_out():
    rng = np.random.default_rng(13)
    forecasts = _noisy(rng, [0.8, 1.0, 1.1], 12, 1)
    found = choose(forecasts, _errors_of(12, 1), list("abc"), ["statistical"] * 3)
    assert (found.name, found.validation) == ("mean5", "series")


def test_one_window_of_many_series_is_judged_on_series_left_out():
    rng = np.random.default_rng(10)
    forecasts = _noisy(rng, [0.2, 1.0, 1.1, 1.2], 40, 1, shared=0.9)
    found = choose(forecasts, _errors_of(40, 1), list("abcd"), ["statistical"] * 4)
    assert found.validation == "series"
    assert found.weights == {0: 1.0}
    assert found.standard_error is not None


def test_one_window_does_not_tell_slight_differences_from_the_mean():
    """Candidates of about the same skill: the series of one window share its luck."""
    chosen = []
    for seed in range(20):
        forecasts = _noisy(np.random.default_rng(seed), [0.8, 1.0, 1.0, 1.05, 1.05], 150, 1)
        found = choose(forecasts, _errors_of(150, 1), list("abcde"), ["statistical"] * 5)
        chosen.append(found.name)
    assert chosen == ["mean5"] * 20


def test_windows_that_share_steps_are_left_out_together():
    rng = np.random.default_rng(11)
    forecasts = _noisy(rng, [1.0, 1.1], 5, 2)
    names, families = ["a", "b"], ["naive"] * 2
    apart = choose(forecasts, _errors_of(5, 2), names, families)
    overlapping = choose(forecasts, _errors_of(5, 2), names, families, overlap=1)
    assert (apart.validation, overlapping.validation) == ("windows", "series")


def test_another_metric_decides_otherwise():
    # Mean errors: 1 and 1.1. Worst errors: 4 and 1.1.
    forecasts = _constant(1.1, 1.1)
    forecasts[0] = np.array([[[4.0, 0.0, 0.0, 0.0]]], dtype=np.float32)
    names, families = ["a", "b"], ["naive"] * 2
    mean = choose(forecasts, _errors_of(1, 1), names, families, allowed="best")
    worst = choose(forecasts, lambda f: np.abs(f).max(axis=-1), names, families, allowed="best")
    assert (mean.weights, worst.weights) == ({0: 1.0}, {1: 1.0})


def test_choosing_never_changes_the_forecasts():
    rng = np.random.default_rng(12)
    forecasts = _noisy(rng, [1.0, 1.1, 1.2], 25, 2)
    before = [f.copy() for f in forecasts]
    choose(forecasts, _errors_of(25, 2), list("abc"), ["naive"] * 3)
    assert all(np.array_equal(a, b) for a, b in zip(before, forecasts, strict=True))


@pytest.mark.filterwarnings("error")
def test_one_observed_window_is_like_one_window():
    truth = np.full((4, 3, H), np.nan)
    truth[1, 2] = 0.0
    forecasts = _constant(1.0, 1.1, n_series=4, n_windows=3)
    found = choose(forecasts, ScaledErrors(truth, np.ones(4)), ["a", "b"], ["naive"] * 2)
    assert (found.name, found.validation) == ("mean5", "none")
    assert found.score == pytest.approx(1.05)
