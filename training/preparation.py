"""What a job trains, and what it trains it on: a network on images, or a head on features computed earlier."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from inference.model import ModelSpec, UnknownModelError, build_model, make_head, replace_head
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.augmentation import training_preprocessing
from training.data.checks import absent_classes, duplicates
from training.data.examining import as_examined, examine_datasets, load_examined, rearranged, write_splits
from training.data.inputs import ImageInputs, Inputs
from training.data.splits import Datasets, Split, check_share, class_names_of, find_images, load_datasets, read_split
from training.distributed import World
from training.doctor.findings import Examination
from training.errors import ConfigError
from training.export.pictures import pictures_of, write_pictures
from training.features.binding import check_images
from training.features.computing import (
    check_backbone,
    check_features,
    check_settings,
    compute_features,
    workshop_of,
)
from training.features.inputs import FeatureInputs, Scale, datasets_of, fold_scale, given_class_names, head_config
from training.features.parts import PartFolder
from training.features.served import ServedFeatures
from training.features.store import FeatureStore, is_complete, open_store
from training.features.workshop import Workshop
from training.listing import Listing
from training.model.packaged import load_packaged_weights
from training.model.precision import best_device
from training.model.stages import set_trainable_stages
from training.model.trained import TrainedModel
from training.model.weights import load_imagenet_weights, load_weights_file

Say = Callable[[str], None]
PARTS = ".parts"  # folder of what is not complete yet


@dataclass(frozen=True)
class Preparation:
    """All that is needed before the first step; `module` is the part of `trained.network` that is trained."""

    trained: TrainedModel
    module: nn.Module
    train: Inputs
    validation: Inputs
    datasets: Datasets
    config: TrainingConfig  # of the training itself
    scale: Scale | None = None  # of the features that `module` is trained on

    def finish(self) -> None:
        """Make the trained `module` fit its place in the network; call it once, after training."""
        if self.scale is not None:
            fold_scale(self.module, self.scale)


def prepare(config: TrainingConfig, world: World, say: Say) -> Preparation:
    """Read the images or the features, and build what is trained on them; missing features are computed first."""
    preprocessing = Preprocessing.for_model(config.model_name, config.image_size)
    if config.features is None:
        return _prepare_images(config, preprocessing, world, say)
    check_settings(config)
    if world.from_first(config.has_images and not is_complete(config.features)):
        write_features(config, config.features, say, world)
    world.from_first(None)  # the others wait until the features are there
    return _prepare_features(config, config.features, preprocessing, world, say)


def write_features(config: TrainingConfig, folder: Path, say: Say, world: World | None = None) -> Datasets | None:
    """Compute the features of the images of `config` into `folder`; return what was read, in the first process.

    What an interrupted job had finished in `checkpoint_dir`, or else in `folder` itself, is taken over.
    """
    return _write_in_parts(config, folder, say, world, with_features=True)


def write_examined(config: TrainingConfig, folder: Path, say: Say, world: World | None = None) -> Datasets | None:
    """Examine the images of `config`, write what is found and their splits to `folder`, and return what was read.

    Random weights see nothing that tells pictures apart, so without others the pictures alone are compared.
    """
    return _write_in_parts(config, folder, say, world, with_features=False)


def _write_in_parts(
    config: TrainingConfig, folder: Path, say: Say, world: World | None, *, with_features: bool
) -> Datasets | None:
    """Write what is found and, if asked for, the features; the first process does, with the help of the others."""
    parts = PartFolder((config.checkpoint_dir or folder) / PARTS)
    listings, served = _begun(config, parts, say, world)
    if world is not None and not world.is_first:
        served.team.help()
        return None
    datasets = _looked_at(config, listings, served)
    examination = examine_datasets(config, listings, datasets, served.rows_of_all(datasets))
    datasets = _settled(config, listings, datasets, examination, folder, say, served)
    if with_features:
        compute_features(served, datasets, config, folder, say)
    served.finish()
    return datasets


def _settled(
    config: TrainingConfig,
    listings: dict[str, Listing],
    datasets: Datasets,
    examination: Examination,
    folder: Path,
    say: Say,
    served: ServedFeatures,
) -> Datasets:
    """Write what was found, for people and for the jobs that follow; return the images as those have them."""
    from training.export.data_page import write_data_page  # no job that trains on features needs it

    write_data_page(examination, datasets, config, folder)
    read = list(pictures_of(datasets))
    preprocessings = _preprocessings(config)
    datasets = as_examined(config, *preprocessings, listings, datasets, examination, served.read_split)
    for sentence in datasets.examination["summary"]:
        say(f"data: {sentence}")
    write_pictures(datasets, folder, read)  # a run that ends before its last job has its SHA-256 from here
    write_splits(examination, datasets, config, folder)
    return datasets


def examined(config: TrainingConfig, say: Say) -> tuple[Datasets, Examination]:
    """Return the images of `config` as they were read, and what is wrong with them."""
    with TemporaryDirectory(prefix="retriever-") as folder:
        listings, served = _begun(config, PartFolder(Path(folder)), say)
        count = sum(len(listing.samples) for listing in listings.values())
        say(f"{config.model_name} looks at {count} pictures ...")
        datasets = _looked_at(config, listings, served)
        say("comparing them ...")
        return datasets, examine_datasets(config, listings, datasets, served.rows_of_all(datasets))


def _begun(
    config: TrainingConfig, parts: PartFolder, say: Say, world: World | None = None
) -> tuple[dict[str, Listing], ServedFeatures]:
    """Return the listings, and what looks at their pictures."""
    listings = find_images(config)
    return listings, ServedFeatures(_workshop(config, listings, say), parts, say, world)


def _looked_at(config: TrainingConfig, listings: Mapping[str, Listing], served: ServedFeatures) -> Datasets:
    """Return the images with their signatures; their features are known from now on."""
    return load_datasets(config, *_preprocessings(config), listings, is_examined=True, read=served.read_split)


def _workshop(config: TrainingConfig, listings: Mapping[str, Listing], say: Say) -> Workshop:
    """Return what computes parts; what only examines pictures by random weights has no backbone."""
    preprocessing, _ = _preprocessings(config)
    if config.weights == "none" and config.trainable == "full":
        return Workshop(config, None, preprocessing)
    names = class_names_of(config.classes, listings["train"].samples)
    torch.manual_seed(config.seed)
    return workshop_of(start_network(_spec(config, names), config, say), config, preprocessing)


def _preprocessings(config: TrainingConfig) -> tuple[Preprocessing, Preprocessing]:
    """Return how images are served, and how those to train on are kept."""
    preprocessing = Preprocessing.for_model(config.model_name, config.image_size)
    return preprocessing, training_preprocessing(preprocessing, config.augment)


def start_network(spec: ModelSpec, config: TrainingConfig, say: Say) -> nn.Module:
    """Return the network with its starting weights, on the best device there is."""
    try:
        network = build_model(spec)
    except UnknownModelError as error:
        raise ConfigError(str(error)) from error
    left_out: list[str] = []
    if config.weights == "imagenet":
        left_out = load_imagenet_weights(network, config.model_name)
    elif config.weights == "packaged":
        left_out = load_packaged_weights(network, config.model_name)
    elif config.weights_dir is not None and config.weights == "channel":
        left_out = load_weights_file(network, config.weights_dir)
    if left_out:
        say(f"the head is new for {spec.num_classes} classes; left out of the weights: {', '.join(left_out)}")
    set_trainable_stages(network, config.unfreeze_depth)
    return network.to(best_device())


def _spec(config: TrainingConfig, class_names: list[str]) -> ModelSpec:
    return ModelSpec(
        config.model_name, len(class_names), config.dropout, config.head, config.head_width, config.image_size
    )


def _prepare_images(config: TrainingConfig, preprocessing: Preprocessing, world: World, say: Say) -> Preparation:
    datasets = load_examined(config, preprocessing, training_preprocessing(preprocessing, config.augment))
    torch.manual_seed(config.seed)
    spec = _spec(config, datasets.class_names)
    network = world.synchronised(start_network(spec, config, say))
    return Preparation(
        TrainedModel(network, spec, preprocessing, datasets.class_names),
        network,
        ImageInputs(datasets.train, config, preprocessing, world),
        ImageInputs(datasets.validation, config, preprocessing, world),
        datasets,
        config,
    )


def _prepare_features(
    config: TrainingConfig, folder: Path, preprocessing: Preprocessing, world: World, say: Say
) -> Preparation:
    """A job that saves no model and has no test split does not even build the backbone."""
    store = open_store(folder)
    check_features(store.description, config, given_class_names(config.classes))
    listings = rearranged(find_images(config), store.description.get("moves", {}), config)
    check_images(store, listings, folder)
    datasets = datasets_of(store, config, preprocessing)
    datasets.test = _test_split(config, datasets, preprocessing, listings.get("test"))
    spec = _spec(config, datasets.class_names)
    network = None
    if config.save_model or datasets.test is not None:
        torch.manual_seed(config.seed)
        network = start_network(spec, config, say)
        check_backbone(store.description, network)
    head = _new_head(spec, config, store, network)
    say(f"the head is trained on features computed in {store.description['precision']}, {store.train.num_views} views")
    training, scale = head_config(config), store.train.scale()
    return Preparation(
        TrainedModel(network or head, spec, preprocessing, datasets.class_names),
        head,
        FeatureInputs(store.train, training, world, scale),
        FeatureInputs(store.validation, training, world, scale),
        datasets,
        training,
        scale,
    )


def _new_head(spec: ModelSpec, config: TrainingConfig, store: FeatureStore, network: nn.Module | None) -> nn.Module:
    """Return a head, in its place if there is a network; the seed is set anew, so a tuning job begins with the same."""
    torch.manual_seed(config.seed)
    head = make_head(spec, store.train.num_features).to(best_device())
    if network is not None:
        replace_head(network, head)
    return head


def _test_split(
    config: TrainingConfig, datasets: Datasets, preprocessing: Preprocessing, listing: Listing | None
) -> Split | None:
    """Read the test split, if the job has one; what is wrong with it is added to the problems."""
    if listing is None:
        return None
    split, problems = read_split("test", listing, datasets.class_names, preprocessing, config, config.cache_mb * 2**20)
    total = len(datasets.train) + len(datasets.validation) + len(listing.samples)
    check_share(total, problems, config.max_unreadable)
    problems += listing.problems + absent_classes("test", split.labels.tolist(), datasets.class_names)
    splits = [datasets.train, datasets.validation, split]
    samples, digests = {each.name: each.samples for each in splits}, {each.name: each.digests for each in splits}
    problems += duplicates(samples, digests, config.max_duplicates)
    datasets.problems += [problem for problem in problems if problem not in datasets.problems]
    return split
