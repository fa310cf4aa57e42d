"""Writes the values that the scores of texts are tested against: python3 make.py, in this folder.

Needs scipy and scikit-learn; each file says which versions made it.
"""

import json

import numpy
import scipy
import sklearn
from scipy import sparse, stats
from sklearn import metrics
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression


def write(name, made_by, cases):
    with open(name + ".json", "w") as out:
        json.dump({"made_by": made_by, "cases": cases}, out)
        out.write("\n")


def correlation():
    random = numpy.random.default_rng(1)
    noise = random.normal(size=(2, 40))
    pairs = {
        "line and noise": (noise[0], 2 * noise[0] + noise[1]),
        "falling": (noise[0], noise[1] - noise[0]),
        "ties on one side": (random.integers(0, 6, 50), random.normal(size=50)),
        "ties on both sides": (random.integers(0, 4, 60), random.integers(0, 3, 60)),
        "far from zero": (1e6 + random.normal(size=30), -1e3 + random.normal(size=30)),
        "two pairs": ([1, 2], [5, 3]),
        "huge": (1e300 * noise[0], 1e-300 * (noise[0] + noise[1])),
    }
    cases = []
    for name, (x, y) in pairs.items():
        x, y = numpy.asarray(x).tolist(), numpy.asarray(y).tolist()
        cases.append({
            "name": name, "x": x, "y": y,
            "pearson": float(stats.pearsonr(x, y).statistic),
            "spearman": float(stats.spearmanr(x, y).statistic),
        })
    write("correlation", f"scipy {scipy.__version__}: stats.pearsonr and stats.spearmanr", cases)


def ndcg():
    random = numpy.random.default_rng(2)
    cases = []
    for name, items, grades, k, decimals in [
        ("graded", 12, 4, 5, 6), ("binary", 20, 2, 10, 6), ("tied scores", 15, 3, 4, 1),
        ("all tied", 9, 3, 3, -1), ("k beyond the items", 6, 3, 10, 6),
    ]:
        gains = random.integers(0, grades, (6, items))
        gains[gains.sum(axis=1) == 0, 0] = 1
        scores = numpy.round(random.uniform(-1, 1, (6, items)), decimals)
        cases.append({
            "name": name, "k": k, "gains": gains.tolist(), "scores": scores.tolist(),
            "ndcg": float(metrics.ndcg_score(gains, scores, k=k)),
        })
    write("ndcg", f"scikit-learn {sklearn.__version__}: metrics.ndcg_score, which averages over ties", cases)


def tfidf():
    fitted = [
        "The cat sat on the mat. The mat sat still!", "A dog's day: 24 hours, 7 days, x y z", "", "don't STOP_now, cat; Ünïcode ÉCOLE naïve",
        "the the the the dog", "\u0967\u0968 \u00bd\u00bd caf\u00e9 cafe\u0301s 東京タワー 東京", "a-b c_d e__f _g h2o",
    ]
    asked = fitted + ["unknown words only", "Cat, dog and THE mat", "?"]
    cases = []
    for sublinear in False, True:
        vectorizer = TfidfVectorizer(sublinear_tf=sublinear)
        vectorizer.fit(fitted)
        rows = vectorizer.transform(asked)
        words = vectorizer.get_feature_names_out()
        cases.append({
            "name": "sublinear" if sublinear else "default", "sublinear": sublinear, "fitted": fitted, "asked": asked,
            "weights": [{words[c]: float(v) for c, v in zip(row.indices, row.data)} for row in rows],
        })
    write("tfidf", f"scikit-learn {sklearn.__version__}: feature_extraction.text.TfidfVectorizer", cases)


def sparse_logistic():
    random = numpy.random.default_rng(3)
    cases = []
    # The binary fit of scikit-learn has one weight vector, whose C is twice ours.
    for name, rows, columns, classes, c in [("three classes", 60, 12, 3, 5.0), ("weak regularisation", 40, 6, 3, 1000.0), ("two classes", 50, 9, 2, 2.0)]:
        x = numpy.round(random.uniform(size=(rows + 10, columns)), 3) * (random.uniform(size=(rows + 10, columns)) < 0.3)
        x[:, -1] = 0
        x[0] = 0
        scores = x[:rows] @ random.normal(size=(columns, classes)) + 0.3 * random.gumbel(size=(rows, classes))
        y = scores.argmax(axis=1)
        fit = LogisticRegression(C=2 * c if classes == 2 else c, tol=1e-12, max_iter=100000).fit(sparse.csr_matrix(x[:rows]), y)
        test = sparse.csr_matrix(x[rows:])
        cases.append({
            "name": name, "c": c, "dim": columns, "x": x[:rows].ravel().tolist(), "y": y.tolist(), "test": x[rows:].ravel().tolist(),
            "probabilities": fit.predict_proba(test).ravel().tolist(), "predicted": fit.predict(test).tolist(),
        })
    write("sparselogistic", f"scikit-learn {sklearn.__version__}: linear_model.LogisticRegression on sparse rows; for two classes with twice c", cases)


correlation()
ndcg()
tfidf()
sparse_logistic()
