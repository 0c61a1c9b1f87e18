"""What scikit-learn does with faces: its published eigenfaces example, and eigenfaces with LDA."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import loguniform
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RandomizedSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

# fetch_lfw_people cuts this out of photos of 250 px: rows and columns, then shrinks it to 0.4.
ROWS, COLUMNS, FULL = (70, 195), (78, 172), 250
SHRUNK = (37, 50)
COMPONENTS = 150

faces: dict[str, np.ndarray] = {}
rows: list[dict] = []


def load_people(listed: str, photos: str, chips: str) -> int:
    """Take the photos of a dataset, as the example loads them, and its aligned chips.

    Args:
        listed: the dataset's chips.csv.
        photos: the folder that its photos are named from.
        chips: a .npy file, uint8 (n, side, side, 3), in the order of the list.
    """
    with open(listed, newline="", encoding="utf-8") as file:
        rows[:] = list(csv.DictReader(file))
    faces["as the example loads them"] = np.stack(
        [_of_photo(Path(photos, row["photo"])) for row in rows]
    )
    side = SHRUNK[1]
    faces["aligned chips"] = np.stack(
        [_gray(Image.fromarray(chip).resize((side, side))) for chip in np.load(chips)]
    )
    return len(rows)


def name_people(kind: str, seed: int) -> dict:
    """The example: eigenfaces and a support vector machine, its numbers searched for by its rule.

    Trained on all photos that are not kept for the test; share of these that it names.
    https://scikit-learn.org/stable/auto_examples/applications/plot_face_recognition.html
    """
    found = faces[kind]
    people = np.array([int(row["label"]) for row in rows])
    test = np.array([row["split"] == "test" for row in rows])
    scaler = StandardScaler().fit(found[~test])
    train, judged = scaler.transform(found[~test]), scaler.transform(found[test])
    pca = PCA(COMPONENTS, svd_solver="randomized", whiten=True, random_state=seed).fit(train)
    grid = {"C": loguniform(1e3, 1e5), "gamma": loguniform(1e-4, 1e-1)}
    machine = SVC(kernel="rbf", class_weight="balanced")
    search = RandomizedSearchCV(machine, grid, n_iter=10, random_state=seed)
    search.fit(pca.transform(train), people[~test])
    named = search.predict(pca.transform(judged))
    return {"photos": int(test.sum()), "accuracy": float((named == people[test]).mean())}


def tell_apart(chips: str, seed: int, components: list[int]) -> dict:
    """Raw pixels, and eigenfaces with LDA, on pairs of strangers; threshold from other pairs.

    Pixels are gray, each chip's mean taken away; distances are cosine, and those of LDA are also
    taken from the mean of a chip's and its mirrored chip's place, as facesearch does. The number
    of eigenfaces is the one that does best on the development pairs.

    Args:
        chips: a .npz file with `chips`, uint8 (n, side, side, 3), `person`, int (n,), -1 for
            chips that are not trained on, and `development`, `judged`: int (m, 3), positions of
            two chips and 1 where they show one person.

    Returns:
        Accuracy and area under the ROC on the judged pairs, for each way.
    """
    given = np.load(chips)
    gray = np.stack([_gray(Image.fromarray(chip)) for chip in given["chips"]])
    side = given["chips"].shape[1]
    mirrored = gray.reshape(-1, side, side)[:, :, ::-1].reshape(gray.shape)
    pixels = gray - gray.mean(axis=1, keepdims=True)
    found = {"raw pixels": _judged(pixels, given)}
    trained = given["person"] >= 0
    best = None
    for count in components:
        pca = PCA(count, svd_solver="randomized", whiten=True, random_state=seed).fit(gray[trained])
        lda = LinearDiscriminantAnalysis().fit(
            pca.transform(gray[trained]), given["person"][trained]
        )

        def placed(
            of: np.ndarray, pca: PCA = pca, lda: LinearDiscriminantAnalysis = lda
        ) -> np.ndarray:
            return _unit(lda.transform(pca.transform(of)))

        result = _judged(placed(gray) + placed(mirrored), given) | {"eigenfaces": count}
        if best is None or result["development"] > best["development"]:
            best = result
    found["eigenfaces with LDA"] = best
    return found


def _judged(places: np.ndarray, given: dict) -> dict:
    """Threshold from the development pairs, accuracy and area under the ROC on the others."""
    unit = _unit(places)

    def distances(pairs: np.ndarray) -> np.ndarray:
        return 1 - (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(axis=1)

    development, same = distances(given["development"]), given["development"][:, 2] == 1
    right = [((development <= cut) == same).mean() for cut in development]
    threshold = development[int(np.argmax(right))]
    judged, truth = distances(given["judged"]), given["judged"][:, 2] == 1
    return {
        "pairs": len(judged),
        "development": float(max(right)),
        "accuracy": float(((judged <= threshold) == truth).mean()),
        "auc": float(roc_auc_score(truth, -judged)),
    }


def _of_photo(path: Path) -> np.ndarray:
    with Image.open(path) as photo:
        scale = photo.width / FULL
        top, bottom, left, right = (round(at * scale) for at in (*ROWS, *COLUMNS))
        return _gray(photo.crop((left, top, right, bottom)).resize(SHRUNK))


def _gray(picture: Image.Image) -> np.ndarray:
    return (np.asarray(picture.convert("RGB"), np.float32) / 255).mean(axis=2).ravel()


def _unit(places: np.ndarray) -> np.ndarray:
    return places / np.linalg.norm(places, axis=1, keepdims=True)
