"""From a study to its runs: every dataset x method x setting x seed, each with all it depends on. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sngan_repro.config import ConfigError, parse
from sngan_repro.entries import nets_of, options_of, setting_of
from sngan_repro.methods import METHODS, find_method
from sngan_repro.specs import OWN_SETTING, MethodSpec, NetsSpec, RunSpec, SettingSpec, TrainingSpec

if TYPE_CHECKING:
    from sngan_repro.study import MethodEntry, Study

NO_SETTING = {"lr": 1.0}
"""In the specification of a program without settings; read by nothing."""


def expand(study: Study) -> tuple[RunSpec, ...]:
    """The runs of a study, in the order of its file. Raises ConfigError for an entry that cannot be run."""
    return tuple(
        RunSpec(
            study=study.name,
            dataset=dataset,
            label=label,
            setting=setting,
            seed=seed,
            data=study.datasets[dataset],
            budget=study.budget,
            snapshots=study.snapshots,
            **parts,
        )
        for dataset in study.datasets
        for entry, label in zip(study.methods, study.labels, strict=True)
        for setting in study.settings_of(label)
        for parts in [_parts(study, entry, label, setting)]  # the same for all seeds
        for seed in study.seeds
    )


def _parts(study: Study, entry: MethodEntry, label: str, setting: str) -> dict[str, Any]:
    """What an entry under a setting adds to a specification."""
    where = f"methods: {label}"
    method = find_method(entry.name)
    options = options_of(method, entry.options, where)
    if label in study.programs:
        return _parts_of_program(study, entry, setting, options.to_dict(), where)
    optimiser = setting_of(study.settings[setting], entry.setting, where)
    try:
        method.check(options, optimiser)
    except ConfigError as error:
        raise ConfigError(f"{where}: setting {setting}: {error}") from None
    return {
        "method": MethodSpec(name=entry.name, options=options.to_dict(), code=METHODS.code(entry.name)),
        "nets": nets_of(study.nets, entry.nets, where),
        "optimiser": optimiser,
        "training": study.training,
    }


def _parts_of_program(
    study: Study, entry: MethodEntry, setting: str, options: dict[str, Any], where: str
) -> dict[str, Any]:
    """Of what a program is not told it does not depend: networks, and all of `training` but the batch size."""
    own = setting == OWN_SETTING
    for key in ("nets", "setting") if own else ("nets",):
        if getattr(entry, key):
            raise ConfigError(f"{where}: `{key}` has no effect on a program; remove it")
    values = NO_SETTING if own else {**study.settings[setting].to_dict(), **entry.setting}
    return {
        "method": MethodSpec(name=entry.name, options=options),
        "nets": NetsSpec(),
        "optimiser": parse(SettingSpec, values, f"{where}: setting"),
        "training": TrainingSpec(batch_size=study.training.batch_size),
    }
