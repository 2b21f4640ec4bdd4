import json

import pytest
from evaluate_support import NETS, SPEC, again_of, make_generator, protocol, values_of

from sngan_repro.evaluation import score
from sngan_repro.evaluation.build import load_extractor, read_evaluator
from sngan_repro.evaluation.features import extract
from sngan_repro.evaluation.metrics import compute, select, take
from sngan_repro.evaluation.protocol import metric_name, metric_names
from sngan_repro.evaluation.selection import RESAMPLE_SEED
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import latents
from sngan_repro.nets.sampling import SampleOptions, generate, generate_on_device
from sngan_repro.nets.snapshot import save_snapshot


class TestFreshSample:
    """The best snapshot by each metric is scored again, with latents that chose nothing."""

    @pytest.fixture
    def counted(self, monkeypatch):
        """(count, seed of the latents) of every call of ``generate``."""
        calls = []

        def counting(G, nets, count, seed, *args, **kwargs):
            calls.append((count, seed))
            return generate_on_device(G, nets, count, seed, *args, **kwargs)

        monkeypatch.setattr(score, "generate_on_device", counting)
        return calls

    @pytest.fixture
    def twin_snapshots(self, run, change_status):
        """Both snapshots hold the same generator, so that every metric ties."""
        for steps in (10, 20):
            sha256 = save_snapshot(run, SPEC, make_generator(10).state_dict(), steps, ImageSpec(1, 16))
            snapshots = json.loads(run.status.read_text())["snapshots"]
            snapshots[steps // 10 - 1]["sha256"] = sha256
            change_status(snapshots=snapshots)

    def test_values_are_those_of_the_protocol_with_other_latents(self, scored, data, classifier_dir):
        protocols = [protocol(reference="test", num_real=50), protocol(seed=1, batch_norm="batch")]
        scores = scored(*protocols)
        stored, again = values_of(scores), again_of(scores)
        info = read_evaluator(classifier_dir, data)
        extractor = load_extractor(classifier_dir, info)
        for p in protocols:
            real = extract(extractor, data.images(p.reference), 256)
            if p.num_real:
                real = take(real, select(p.num_real, data.num(p.reference), p.seed))
            for metric, name in metric_names(p).items():
                first, last = stored[10, name], stored[20, name]
                higher = metric in ("is", "precision", "recall")
                updates = 20 if (last > first if higher else last < first) else 10
                options = SampleOptions(batch_norm=p.batch_norm)
                images = generate(make_generator(updates), NETS, p.num_fake, p.seed + 1_000_000, options=options)
                expected, _, _ = compute(p, extract(extractor, images, 64), real)[metric]
                record = again[name]
                assert (record["steps"], record["sampling_seed"]) == (updates, p.seed + 1_000_000)
                assert record["value"] == pytest.approx(expected, rel=1e-5, abs=1e-6)
                assert record["images_seen"] == 64 * updates
                assert {**record["protocol"], "metrics": None} == {
                    **next(r for r in scores["records"] if r["metric"] == name)["protocol"],
                    "metrics": None,
                }
            fid = metric_name(p, "fid")
            assert again[fid]["value"] != stored[again[fid]["steps"], fid]

    def test_latents_are_fresh(self):
        ordinary, fresh = (latents(600, 8, "normal", seed) for seed in (0, RESAMPLE_SEED))
        assert not {tuple(z) for z in ordinary.tolist()} & {tuple(z) for z in fresh.tolist()}

    def test_one_generation_for_all_metrics_of_a_snapshot(self, twin_snapshots, counted, scored):
        scored(protocol(), protocol(num_fake=90), protocol(num_fake=70, seed=2))
        assert counted == [(90, 0), (70, 2)] * 2 + [(90, RESAMPLE_SEED), (70, RESAMPLE_SEED + 2)]

    def test_ties_go_to_the_earliest(self, twin_snapshots, scored):
        scores = scored()
        stored, again = values_of(scores), again_of(scores)
        assert all(stored[10, name] == stored[20, name] for name in again)
        assert {record["steps"] for record in again.values()} == {10}

    def test_last_finite_snapshot_of_a_diverged_run_is_a_candidate(self, run, twin_snapshots, scored, change_status):
        """Here it is the only one: the other snapshot makes no images."""
        sha256 = save_snapshot(run, SPEC, make_generator(0, broken=True).state_dict(), 10, ImageSpec(1, 16))
        snapshots = json.loads(run.status.read_text())["snapshots"]
        snapshots[0]["sha256"] = sha256
        snapshots[1]["last_finite"] = True
        change_status(state="diverged", snapshots=snapshots)
        assert {(r["steps"], r["value"] is None) for r in again_of(scored()).values()} == {(20, False)}

    def test_nothing_to_choose_from(self, run, scored, change_status):
        sha256 = save_snapshot(run, SPEC, make_generator(0, broken=True).state_dict(), 10, ImageSpec(1, 16))
        change_status(snapshots=[{"steps": 10, "images_seen": 1, "sha256": sha256, "last_finite": True}])
        assert again_of(scored()) == {}
