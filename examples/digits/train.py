"""Recognise handwritten digits with a support vector machine."""

import argparse
import json
import pickle
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--C", type=float, default=1.0, help="price of a wrong side of the margin (default: 1.0)")
    parser.add_argument("--gamma", type=float, default=0.02, help="narrowness of the kernel (default: 0.02)")
    parser.add_argument("--steps", type=int, default=5, help="training sets of growing size (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="decides which images are held out (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for model.pkl and metrics.json")
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images, labels, test_size=0.25, stratify=labels, random_state=options.seed)
    train_images, test_images, train_labels, test_labels = split
    print(f"{len(train_images)} images to learn from, {len(test_images)} held out")

    curve = []
    for step in range(1, options.steps + 1):
        size = len(train_images) * step // options.steps
        model = make_pipeline(StandardScaler(), SVC(C=options.C, gamma=options.gamma))
        model.fit(train_images[:size], train_labels[:size])
        predicted = model.predict(test_images)
        curve.append({"images": size, "accuracy": accuracy_score(test_labels, predicted)})
        print(f"step {step}/{options.steps}: {size} images, accuracy {curve[-1]['accuracy']:.4f}", flush=True)

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "model.pkl").write_bytes(pickle.dumps(model, protocol=5))
    metrics = {
        "accuracy": curve[-1]["accuracy"],
        "f1": f1_score(test_labels, predicted, average="macro"),
        "support_vectors": int(model[-1].n_support_.sum()),
        "curve": curve,
    }
    (options.out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(f"wrote {options.out / 'model.pkl'} and {options.out / 'metrics.json'}")


if __name__ == "__main__":
    main()
