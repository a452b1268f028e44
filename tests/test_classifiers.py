"""The contract of voicegraft/classifiers, over every file there."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from voicegraft.model import classifier as classifiers
from voicegraft.model import discriminants
from voicegraft.model.batches import pad
from voicegraft.model.classifier import Fitted

SIZE, LABELS = 12, 3
FITTED = ["discriminants", "logistic"]


@pytest.fixture(params=classifiers.names())
def name(request):
    return request.param


@pytest.fixture
def head(name):
    return built(name).eval()


def built(name, pooling="mean_std", labels=LABELS, seed=1):
    torch.manual_seed(seed)
    return classifiers.build(name, pooling, SIZE, labels)


def clips(*lengths):
    generator = torch.Generator().manual_seed(2)
    return [3 + torch.randn(n, SIZE, generator=generator) for n in lengths]


def clouds(labels=LABELS, each=40, apart=4.0, features=SIZE):
    """Features and targets of classes that lie apart, of unequal scale."""
    rng = np.random.default_rng(3)
    targets = np.repeat(np.arange(labels), each)
    centres = rng.normal(0, apart, (labels, features))
    scale = np.geomspace(0.1, 100, features)
    spread = rng.normal(0, 1, (len(targets), features))
    # As frames are: of unequal scale, and in single precision.
    return ((centres[targets] + spread) * scale + 0.5).astype("float32").astype(float), targets


def fitted(name, labels=LABELS, **how):
    features, targets = clouds(labels, **how)
    classifier = built(name, "mean", labels).classifier
    classifier.fit(features, targets, [f"clip {i}" for i in range(len(targets))])
    return classifier, features, targets


def scores(classifier, features):
    return classifier(torch.from_numpy(features).float()).detach().double().numpy()


def test_a_clip_of_any_length_emits_one_frame_of_log_probabilities(head):
    emissions = head(pad(clips(9, 4, 1)))
    assert emissions.values.shape == (3, 1, LABELS)
    assert emissions.lengths.tolist() == [1, 1, 1] == [head.frames_out(n) for n in (9, 4, 1)]
    torch.testing.assert_close(emissions.values.exp().sum(-1), torch.ones(3, 1))


def test_a_clip_alone_has_the_emission_it_has_in_a_batch(head):
    several = clips(9, 4, 1)
    together = head(pad(several)).clips()
    for clip, batched in zip(several, together, strict=True):
        torch.testing.assert_close(head(pad([clip])).clips()[0], batched, atol=1e-5, rtol=0)


def test_the_gradient_reaches_every_parameter(head):
    emissions = head.train()(pad(clips(9, 4))).values
    (emissions * torch.randn(emissions.shape)).sum().backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_a_seed_decides_the_weights(name):
    first, same, other = (built(name, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_those_that_are_fitted_are_known(name):
    assert isinstance(built(name).classifier, Fitted) == (name in FITTED)


@pytest.mark.parametrize("labels", [2, 3, 7])
@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_classifier_separates_classes_that_lie_apart(name, labels):
    classifier, features, targets = fitted(name, labels)
    assert (scores(classifier, features).argmax(1) == targets).mean() > 0.98


@pytest.mark.parametrize("name", FITTED)
def test_a_fit_is_the_same_twice(name):
    (one, *_), (other, *_) = fitted(name), fitted(name)
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize("labels", [2, 5])
def test_logistic_has_the_scores_of_scikit_learns(labels):
    classifier, features, targets = fitted("logistic", labels, apart=0.3)
    regression = LogisticRegression(C=chosen(features, targets), max_iter=300)
    scaler = StandardScaler().fit(features)
    expected = regression.fit(scaler.transform(features), targets).decision_function(
        scaler.transform(features)
    )
    own = scores(classifier, features)
    if labels == 2:
        own = own[:, 1] - own[:, 0]
    np.testing.assert_allclose(own, expected, atol=1e-5)


def chosen(features, targets):
    """Return the C that a fit says it took."""
    groups = [f"clip {i}" for i in range(len(targets))]
    found = built("logistic", "mean", targets.max() + 1).classifier.fit(features, targets, groups)
    return float(found.split()[1].rstrip(","))


def test_logistic_takes_a_strong_penalty_where_there_is_nothing_to_learn():
    features, targets = clouds(apart=0.0)
    assert chosen(features, targets) <= 1e-3


def test_takes_of_one_clip_never_stand_on_both_sides_of_a_fold():
    # Every clip twice and labels at random: folds that part the two would choose to learn by heart.
    rng = np.random.default_rng(4)
    features = np.repeat(rng.normal(size=(60, 40)), 2, axis=0)
    targets = np.repeat(rng.integers(0, 2, 60), 2)
    groups = np.repeat([f"clip {i}" for i in range(60)], 2)
    found = classifiers.build("logistic", "mean", 40, 2).classifier.fit(features, targets, groups)
    assert float(found.split()[1].rstrip(",")) <= 1e-3


def test_a_class_with_one_clip_leaves_nothing_to_choose_by():
    features, targets = clouds(each=1)
    found = built("logistic", "mean").classifier.fit(features, targets, ["a", "b", "c"])
    assert "too few clips" in found


def unit(features):
    scaled = StandardScaler().fit_transform(features)
    rows = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.hstack([rows, np.ones((len(rows), 1))])


def ridge(rows, targets, penalty, weights):
    """Ridge regression of scikit-learn on class indicators, the intercept penalised too."""
    wanted = np.eye(targets.max() + 1)[targets] - 1 / (targets.max() + 1)
    return Ridge(alpha=penalty, fit_intercept=False).fit(rows, wanted, weights)


def unequal(apart=0.3):
    """Clips of three classes, of unequal number, in groups of four."""
    features, targets = clouds(apart=apart)
    kept = np.flatnonzero((targets > 0) | (np.arange(len(targets)) % 3 == 0))
    features, targets = features[kept], targets[kept]
    weights = len(targets) / (LABELS * np.bincount(targets)[targets])
    return features, targets, [f"group {i % 23}" for i in range(len(targets))], weights


@pytest.mark.parametrize("size", [5, 300])
def test_discriminants_are_ridge_regression_in_which_all_classes_weigh_the_same(size):
    features, targets, groups, weights = unequal()
    features = np.tile(features, (1, size))[:, :size]
    found = discriminants.fit(features, targets, groups)
    rows = unit(features)
    expected = ridge(rows, targets, found.penalty, weights).predict(rows)
    np.testing.assert_allclose(found(features), found.sharpness * expected, atol=1e-8)


def test_scores_of_a_group_left_out_are_those_of_a_fit_without_it():
    features, targets, groups, weights = unequal()
    found, rows, names = discriminants.fit(features, targets, groups), unit(features), groups
    for group in ("group 0", "group 7"):
        own = np.array(names) == group
        fitted = ridge(rows[~own], targets[~own], found.penalty, weights[~own])
        np.testing.assert_allclose(found.left_out[own], fitted.predict(rows[own]), atol=1e-8)


def test_discriminants_are_as_sure_as_they_are_right_on_what_was_left_out():
    features, targets, groups, _ = unequal()
    found = discriminants.fit(features, targets, groups)

    def loss(sharpness):
        return log_loss(targets, softmax(sharpness * found.left_out, axis=1))

    assert (
        0.2 < loss(found.sharpness) < min(loss(found.sharpness * 0.8), loss(found.sharpness / 0.8))
    )


def test_the_classifier_of_the_model_scores_as_the_discriminants_do():
    classifier, features, targets = fitted("discriminants", apart=0.3)
    found = discriminants.fit(features, targets, [f"clip {i}" for i in range(len(targets))])
    np.testing.assert_allclose(scores(classifier, features), found(features), atol=1e-4)


def test_many_clips_are_fitted_by_all_and_chosen_by_some(monkeypatch):
    features, targets, groups, weights = unequal()
    monkeypatch.setattr(discriminants, "MOST_CLIPS", 30)
    found = discriminants.fit(features, targets, groups)
    assert len(found.left_out) == 30
    expected = ridge(unit(features), targets, found.penalty, weights).predict(unit(features))
    np.testing.assert_allclose(found(features), found.sharpness * expected, atol=1e-8)


def test_one_clip_of_each_class_is_enough_for_discriminants():
    features, targets = clouds(each=1)
    found = built("discriminants", "mean").classifier.fit(features, targets, ["a", "b", "c"])
    assert found == "penalty 0.1, as a class has clips of one group alone"


def test_pooling_that_is_learnt_is_refused_where_nothing_is_trained_step_by_step(name):
    if name in FITTED:
        with pytest.raises(ValueError, match=f"attentive has weights .*{name} .*head.name: mlp"):
            built(name, "attentive")
    else:
        assert built(name, "attentive").pooling.score is not None


def test_an_unknown_classifier_names_the_choices(name):
    with pytest.raises(ValueError, match=rf"head\.name: 'nobody' .*'{name}'"):
        classifiers.build("nobody", "mean", SIZE, LABELS)
