"""Samples from a Gaussian over the first principal components of the training images. No PyTorch.

python pca_sampler.py TASK --components K        TASK: the task.json of a run
"""

import argparse
import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.decomposition import PCA

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("task")
parser.add_argument("--components", type=int, required=True)
given = parser.parse_args()

task = json.loads(Path(given.task).read_text())
images = np.load(task["images"]).astype(np.float64)  # (N, H, W, C), 0 to 255
flat = images.reshape(len(images), -1)
kept = min(given.components, *flat.shape)

pca = PCA(kept, svd_solver="full").fit(flat)
z = np.random.default_rng(task["seed"]).standard_normal((task["num_samples"], kept))
samples = pca.mean_ + z * np.sqrt(pca.explained_variance_) @ pca.components_
samples = samples.round().clip(0, 255).astype(np.uint8).reshape(-1, *images.shape[1:])
np.save(task["samples"], samples)

status = {"images_seen": len(images), "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__}}
Path(task["status"]).write_text(json.dumps(status))
print(f"{kept} components hold {pca.explained_variance_ratio_.sum():.1%} of the variance of {len(images)} images")
