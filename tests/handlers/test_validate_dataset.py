"""handlers/validate_dataset.py and what it opens, unpacks and writes: from an upload to manifests, or a reason."""

import hashlib
import json

import pytest

from datasets.pictures import Picture, read_record
from handlers import aws, unpack_archive
from handlers.contract.errors import AwsNotFoundError, AwsThrottledError, DatasetChangedError, DatasetError, InputError
from handlers.datasets import opening, reading, staging
from handlers.ledger import Deployment, Run
from handlers.validate_dataset import handler
from tests.datasets.shapes import case_named
from tests.handlers import packing
from tests.handlers.environment import BUCKET, EXECUTION

_FOLDER = f"s3://{BUCKET}/datasets/flowers/"


@pytest.fixture
def validate(world, sent, lambda_context):
    """Give a call of the handler for what is in the bucket now; an archive is unpacked before, as in an execution."""

    def call(s3_uri=_FOLDER, fingerprint=None, execution=EXECUTION):
        dataset = {"Name": "flowers", "S3Uri": s3_uri, "Fingerprint": fingerprint or world.fingerprint(s3_uri)}
        if not s3_uri.endswith("/"):
            step = {"ExecutionName": execution, "TaskToken": "token", "Dataset": dataset}
            unpack_archive.handler(step, lambda_context)
        return handler({"ExecutionName": execution, "Dataset": dataset}, lambda_context)

    return call


def paths(world, dataset, split):
    manifest = world.json(dataset[f"{split}ManifestS3Uri"])
    assert manifest[0] == {"prefix": dataset["S3Uri"]}
    return manifest[1:]


def test_folder_with_splits_gives_manifests(world, validate):
    """Train, validation and test as uploaded; class names sorted; counts in the state."""
    world.put_images("datasets/flowers/", train__rose=4, train__daisy=3, valid__rose=2, valid__daisy=2, test__rose=1)

    dataset = validate()

    assert world.json(dataset["ClassesS3Uri"]) == ["daisy", "rose"]
    assert paths(world, dataset, "Validation") == [
        "valid/daisy/0.jpg", "valid/daisy/1.jpg", "valid/rose/0.jpg", "valid/rose/1.jpg",
    ]  # fmt: skip
    assert (dataset["NumClasses"], dataset["NumTrain"], dataset["NumValidation"], dataset["NumTest"]) == (2, 7, 4, 1)
    assert dataset["NumBytes"] == sum(len(f"image {key}") for key in world.keys("datasets/flowers/") if "." in key)
    assert dataset["ClassesS3Uri"] == f"s3://{BUCKET}/runs/{EXECUTION}/dataset/classes.json"


@pytest.mark.parametrize(
    "execution", ["my_run", "run.1", "pets-", "-pets", "r" * 64, "l\u00e4ufe"], ids=lambda name: name[:8]
)
def test_an_execution_whose_jobs_cannot_bear_its_name_is_refused(world, validate, execution):
    """Step Functions takes names that SageMaker does not; started by hand, it would fail after tuning was paid.

    Source: SageMaker API reference, CreateTrainingJob, TrainingJobName.
    """
    world.put_images("datasets/flowers/", rose=10, daisy=10)

    with pytest.raises(InputError, match=r"^execution name .*at most 63 letters, digits and hyphens"):
        validate(execution=execution)


def test_missing_validation_is_made_from_train(world, validate):
    """A fifth of each class; the paths stay those of the upload."""
    world.put_images("datasets/flowers/", train__rose=10, train__daisy=5, test__rose=2, test__daisy=2)

    dataset = validate()

    made = paths(world, dataset, "Validation")
    assert sorted(path.rpartition("/")[0] for path in made) == ["train/daisy", "train/rose", "train/rose"]
    assert not set(made) & set(paths(world, dataset, "Train"))
    assert world.json(dataset["ReportS3Uri"])["made_splits"] == ["validation"]


def test_classes_without_splits_give_all_three(world, validate):
    """CLASS/FILE is enough."""
    world.put_images("datasets/flowers/", rose=10, daisy=10)

    dataset = validate()

    assert (dataset["NumTrain"], dataset["NumValidation"], dataset["NumTest"]) == (12, 4, 4)


def test_validation_is_repeatable(world, validate):
    """The same content gives the same manifests, for every execution."""
    world.put_images("datasets/flowers/", rose=10, daisy=10)

    one, other = validate(), validate(execution="flowers-ba9876543210-2")

    for split in ("Train", "Validation", "Test"):
        assert paths(world, one, split) == paths(world, other, split)


def test_report_tells_what_was_set_aside(world, validate):
    """Each with its reason; counts by class and split."""
    world.put_images("datasets/flowers/", train__rose=4, train__daisy=4, valid__rose=1, valid__daisy=1, test__rose=1)
    world.put("datasets/flowers/train/rose/empty.jpg", b"")
    world.put("datasets/flowers/train/rose/notes.txt", b"x")

    report = world.json(validate()["ReportS3Uri"])

    assert report["num_set_aside"] == 2
    assert report["set_aside"][0] == {"path": "train/rose/empty.jpg", "reason": "zero bytes"}
    assert report["classes"][1] == {"class_name": "rose", "train": 4, "validation": 1, "test": 1}
    assert report["warnings"] == ["class 'daisy' has no image in test; its accuracy there is unknown"]


def test_marker_with_nothing_is_refused(world, validate):
    """_SUCCESS alone is no dataset."""
    world.put("datasets/flowers/_SUCCESS", b"")

    with pytest.raises(DatasetError, match="dataset 'flowers' holds no files; upload images before _SUCCESS"):
        validate()


def test_gate_is_asked(world, validate):
    """The gate's sentences reach the state machine; they have tests of their own."""
    world.put_images("datasets/flowers/", rose=10)

    with pytest.raises(DatasetError, match="has one class, 'rose'"):
        validate()


def test_changed_folder_is_refused(world, validate):
    """The execution was started for other content."""
    world.put_images("datasets/flowers/", rose=10, daisy=10)

    with pytest.raises(DatasetChangedError, match="was started for aaaaaaaaaaaa; upload all files first"):
        validate(fingerprint="a" * 64)


@pytest.mark.parametrize(("key", "pack"), [("flowers.zip", packing.zipped), ("flowers.tar.gz", packing.tar_gz)])
def test_archive_is_staged_and_used(world, validate, key, pack):
    """Images go to staged/NAME/FINGERPRINT/, the wrapping folder is left out, other files are reported."""
    files = {f"flowers/{path}": data for path, data in packing.IMAGES.items()}
    world.put(f"datasets/{key}", pack({**files, "flowers/README.md": b"hello", "flowers/rose/empty.jpg": b""}))

    dataset = validate(f"s3://{BUCKET}/datasets/{key}")

    assert dataset["S3Uri"] == f"s3://{BUCKET}/staged/flowers/{dataset['Fingerprint']}/flowers/"
    staged = f"staged/flowers/{dataset['Fingerprint']}/"
    assert sorted(world.keys(staged)) == sorted([*(staged + path for path in files), f"{staged}_SUCCESS"])
    aside = world.json(dataset["ReportS3Uri"])["set_aside"]
    assert [entry["path"] for entry in aside] == ["flowers/README.md", "flowers/rose/empty.jpg"]
    for path in paths(world, dataset, "Train"):
        body = aws.s3().get_object(Bucket=BUCKET, Key=f"{staged}flowers/{path}")["Body"].read()
        assert body == packing.IMAGES[path]


def test_staged_archive_is_not_unpacked_again(world, validate, monkeypatch):
    """A retried state, or a second attempt, finds the marker."""
    world.put("datasets/flowers.zip", packing.zipped(packing.IMAGES))
    first = validate(f"s3://{BUCKET}/datasets/flowers.zip")
    monkeypatch.setattr(staging, "unpack", None)

    assert validate(f"s3://{BUCKET}/datasets/flowers.zip") == first


def lose_a_file(world, prefix):
    aws.s3().delete_object(Bucket=BUCKET, Key=f"{prefix}daisy/0.jpg")


def grow_old(world, prefix):
    world.date(f"{prefix}_SUCCESS", -340 * 86_400)


def be_of_an_older_version(world, prefix):
    world.put(f"{prefix}_SUCCESS", "[]")


@pytest.mark.parametrize("happen", [lose_a_file, grow_old, be_of_an_older_version])
def test_staged_copy_that_will_not_last_is_made_anew(world, validate, happen):
    """The lifecycle deletes it after 30 days, file by file, and a scheduled retrain may come at any time."""
    world.put("datasets/flowers.zip", packing.zipped(packing.IMAGES))
    uri = f"s3://{BUCKET}/datasets/flowers.zip"
    first = validate(uri)
    prefix = f"staged/flowers/{first['Fingerprint']}/"
    happen(world, prefix)

    assert validate(uri) == first
    assert f"{prefix}daisy/0.jpg" in world.keys(prefix)
    assert world.json(f"s3://{BUCKET}/{prefix}_SUCCESS")["num_files"] == len(packing.IMAGES)


def test_record_says_what_every_picture_was(world, validate):
    """Path, class, split, size and ETag, below the folder that the manifests name."""
    world.put_images(
        "datasets/flowers/photos/", train__rose=4, train__daisy=3, valid__rose=2, valid__daisy=2, test__rose=1
    )

    dataset = validate()

    body = aws.s3().get_object(Bucket=BUCKET, Key=f"runs/{EXECUTION}/dataset/pictures.jsonl")["Body"].read()
    folder, pictures = read_record(body.decode().splitlines())
    recorded = list(pictures)
    content = b"image datasets/flowers/photos/train/rose/0.jpg"
    assert dataset["PicturesS3Uri"] == f"s3://{BUCKET}/runs/{EXECUTION}/dataset/pictures.jsonl"
    assert dataset["PicturesSha256"] == hashlib.sha256(body).hexdigest()
    assert folder == dataset["S3Uri"] == f"s3://{BUCKET}/datasets/flowers/photos/"
    assert len(recorded) == 12
    assert (
        Picture(
            "train/rose/0.jpg", "rose", "train", len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()
        )
        in recorded
    )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"train/rose/0.jpg": b"1", "train/rose/1.jpg": b"2", "README.md": b"."},
            [("train/rose/0.jpg", "rose", "train"), ("train/rose/1.jpg", "rose", "train")],
        ),
        (
            {"images/1.jpg": b"1", "images/2.jpg": b"2", "labels.csv": b"\xff\xfe\x00broken"},
            [("images/1.jpg", "images", ""), ("images/2.jpg", "images", "")],
        ),
    ],
    ids=["one class", "no class"],
)
def test_a_refused_dataset_has_its_record(world, validate, files, expected):
    """What was there when it was refused can be listed and held to the next one, and brought back."""
    for path, body in files.items():
        world.put(f"datasets/flowers/{path}", body)

    with pytest.raises(DatasetError, match="class"):
        validate()

    body = aws.s3().get_object(Bucket=BUCKET, Key=f"runs/{EXECUTION}/dataset/pictures.jsonl")["Body"].read()
    folder, pictures = read_record(body.decode().splitlines())
    record = [(one.path, one.class_name, one.split) for one in pictures]
    assert [(folder.removeprefix(_FOLDER) + path, *rest) for path, *rest in record] == expected


def test_refusal_is_said_though_its_record_cannot_be_written(world, validate, monkeypatch):
    """The sentence matters more."""

    def refuse(*_):
        raise AwsThrottledError("PutObject: SlowDown: slower; start again later")

    monkeypatch.setattr("handlers.datasets.reading.write_record", refuse)
    world.put_images("datasets/flowers/", rose=10)

    with pytest.raises(DatasetError, match="has one class, 'rose'"):
        validate()


def test_interrupted_unpacking_starts_again(world, validate):
    """Without the marker the same keys are written once more."""
    world.put("datasets/flowers.zip", packing.zipped(packing.IMAGES))
    uri = f"s3://{BUCKET}/datasets/flowers.zip"
    prefix = f"staged/flowers/{world.fingerprint(uri)}/"
    world.put(f"{prefix}daisy/0.jpg", b"half")

    dataset = validate(uri)

    body = aws.s3().get_object(Bucket=BUCKET, Key=f"{prefix}daisy/0.jpg")["Body"].read()
    assert (body, dataset["NumClasses"]) == (b"daisy 0", 2)


def test_archive_that_is_not_unpacked_is_refused(world, sent, lambda_context):
    """Its copy was deleted since the state before."""
    world.put("datasets/flowers.zip", packing.zipped(packing.IMAGES))
    uri = f"s3://{BUCKET}/datasets/flowers.zip"
    dataset = {"Name": "flowers", "S3Uri": uri, "Fingerprint": world.fingerprint(uri)}

    with pytest.raises(
        DatasetError, match=r"copy in 's3://.*/staged/flowers/\w+/' is not whole, .* start the execution"
    ):
        handler({"ExecutionName": EXECUTION, "Dataset": dataset}, lambda_context)


def test_vanished_archive_is_typed(validate):
    """Deleted between the event and the execution."""
    with pytest.raises(AwsNotFoundError, match="HeadObject"):
        validate(f"s3://{BUCKET}/datasets/flowers.zip", fingerprint="a" * 64)


@pytest.mark.parametrize("name", ["wild rose", "ваза", "100%", "a+b", "quo'te", "🌹", "x" * 200])
def test_class_names_survive_unchanged(world, validate, name):
    """Any name that S3 takes is the class name, in the list and in the manifest."""
    for i in range(5):
        world.put(f"datasets/flowers/{name}/{i}.jpg", f"{name}{i}")
    world.put_images("datasets/flowers/", daisy=5)

    dataset = validate()

    assert name in world.json(dataset["ClassesS3Uri"])
    assert any(path.startswith(f"{name}/") for path in paths(world, dataset, "Train"))


SHAPES = ("wrapped splits", "images inside classes", "Hugging Face metadata.csv", "YOLO")


@pytest.mark.parametrize("case", list(map(case_named, SHAPES)), ids=SHAPES)
@pytest.mark.parametrize("way", ["folder", "zip"])
def test_shapes_are_read_as_everywhere(world, validate, case, way):
    """The same classes, splits and paths below what wraps them, from a folder and a zip; tests/datasets has all."""
    if way == "zip":
        world.put("datasets/flowers.zip", packing.zipped(case.files()))
    else:
        for path, body in case.files().items():
            world.put(f"datasets/flowers/{path}", body)
    uri = f"s3://{BUCKET}/datasets/flowers.zip" if way == "zip" else _FOLDER

    if case.classes is None:
        with pytest.raises(DatasetError, match=case.words):
            validate(uri)
        return
    dataset = validate(uri)

    assert world.json(dataset["ClassesS3Uri"]) == list(case.classes)
    assert dataset["S3Uri"].endswith(f"/{case.top}")
    read = {path: split.lower() for split in ("Train", "Validation", "Test") for path in paths(world, dataset, split)}
    assert set(read) == set(case.pictures())
    assert {path: split for path, split in case.pictures().items() if split not in ("", "train", read[path])} == {}


def test_labels_are_written_where_folders_do_not_say_them(world, validate):
    """Training reads the class of each picture from labels.json; with plain class folders there is none."""
    case = case_named("Hugging Face metadata.csv")
    for path, body in case.files().items():
        world.put(f"datasets/flowers/{path}", body)

    dataset = validate()

    assert world.json(dataset["LabelsS3Uri"]) == {path: case.class_of(path) for path in case.pictures()}
    assert world.json(dataset["ReportS3Uri"])["warnings"][0].startswith("labels are taken from 'train/metadata.csv'")


def test_a_table_that_changes_meanwhile_is_refused(world, validate, monkeypatch):
    """Pictures and labels of two versions are never mixed."""
    case = case_named("Hugging Face metadata.csv")
    for path, body in case.files().items():
        world.put(f"datasets/flowers/{path}", body)
    reader = opening.table_reader

    def changed(folder, files):
        world.put("datasets/flowers/train/metadata.csv", "file_name,label\n0.jpg,lily\n1.jpg,daisy\n")
        return reader(folder, files)

    monkeypatch.setattr(reading, "table_reader", changed)

    with pytest.raises(DatasetChangedError, match="changed while it was read"):
        validate()


@pytest.fixture
def serving(world):
    """Let a run of a dataset serve its model, which knows two classes."""

    def call(dataset, **fields):
        world.sagemaker.serve(config="other-0123456789ab-1")
        Run("other-0123456789ab-1", status="SUCCEEDED", dataset=dataset, **fields).report(world.ledger)
        world.put("runs/other-0123456789ab-1/dataset/classes.json", json.dumps(["daisy", "rose"]))

    world.put_images("datasets/flowers/", rose=10, daisy=10)
    return call


def test_another_dataset_replaces_none_by_itself(world, validate, serving):
    """Before anything is paid, with the yes and with what another stack would do; no manifest is written."""
    serving("pets")

    with pytest.raises(DatasetError, match="serves the model of dataset 'pets', which that of 'flowers'") as refused:
        validate()

    assert "`deploy.py up --parameter ReplaceDataset=flowers` and then `deploy.py start flowers`" in str(refused.value)
    assert "`deploy.py up --stack-name OTHER`" in str(refused.value)
    assert world.keys(f"runs/{EXECUTION}/") == []


def test_a_shadow_hides_no_dataset_that_serves(world, validate, serving):
    """Callers get the answers of the model beside it, by which this is judged."""
    serving("pets")
    config = world.sagemaker.endpoints["retriever"]["EndpointConfigName"]
    world.sagemaker.endpoints["retriever"]["EndpointConfigName"] = "pets-2-shadow"
    Deployment.note_shadow(world.ledger, "pets-2-shadow", "pets-2")
    Deployment.remember_previous(world.ledger, "pets-2-shadow", config)

    with pytest.raises(DatasetError, match="serves the model of dataset 'pets', which that of 'flowers'"):
        validate()


@pytest.mark.parametrize("parameter", ["flowers", "*"])
def test_with_a_yes_another_dataset_may_replace(validate, serving, monkeypatch, parameter):
    """The state says so, since the gate need not ask for that one's classes then."""
    monkeypatch.setenv("REPLACE_DATASET", parameter)
    serving("pets")

    assert validate()["Replaces"] == "pets"


def test_a_yes_to_one_dataset_is_none_to_others(validate, serving, monkeypatch):
    """Else the first would be one for good."""
    monkeypatch.setenv("REPLACE_DATASET", "birds")
    serving("pets")

    with pytest.raises(DatasetError, match="ReplaceDataset=flowers"):
        validate()


def test_the_dataset_that_serves_goes_on(validate, serving):
    """Its retrains ask for nothing."""
    serving("flowers")

    assert validate()["Replaces"] == ""


def test_where_nobody_knows_what_serves_a_dataset_goes_on(world, validate, serving):
    """An endpoint that a person has deployed to, or none."""
    serving("pets")
    world.sagemaker.serve(config="by-hand")
    assert validate()["Replaces"] == ""
    world.sagemaker.endpoints.clear()
    assert validate()["Replaces"] == ""


def test_a_class_that_is_gone_is_refused_before_tuning(world, validate, serving):
    """No name is new, so none was renamed: the gate would refuse whatever is trained."""
    serving("flowers")
    world.put("runs/other-0123456789ab-1/dataset/classes.json", json.dumps(["daisy", "rose", "tulip"]))

    with pytest.raises(DatasetError, match=r"classes 'tulip' of the serving model are not in this dataset; .*=true"):
        validate()


def test_a_class_that_may_be_renamed_is_the_gates(world, validate, serving):
    """It tells by the pictures; of two that are gone one new name can be but one."""
    serving("flowers")
    classes = "runs/other-0123456789ab-1/dataset/classes.json"
    world.put(classes, json.dumps(["daisy", "tulip"]))
    assert validate()["NumClasses"] == 2

    world.put(classes, json.dumps(["daisy", "tulip", "lily"]))
    with pytest.raises(DatasetError, match=r"'lily', 'tulip' of the serving .*'rose' can be no more than 1"):
        validate()


def test_with_a_yes_a_class_may_go(world, validate, serving, monkeypatch):
    """AllowRemovedClasses, as at the gate."""
    serving("flowers")
    world.put("runs/other-0123456789ab-1/dataset/classes.json", json.dumps(["daisy", "rose", "tulip"]))
    monkeypatch.setenv("ALLOW_REMOVED_CLASSES", "true")

    assert validate()["NumClasses"] == 2


def test_classes_of_a_model_deployed_again_are_its_own_runs(world, validate, serving):
    """The run that serves has trained nothing, so the one that did has the record."""
    serving("flowers", redeploys="older-0123456789ab-1")
    world.put("runs/older-0123456789ab-1/dataset/classes.json", json.dumps(["daisy", "rose", "tulip"]))

    with pytest.raises(DatasetError, match="classes 'tulip'"):
        validate()


def test_without_a_record_of_its_classes_nothing_is_gone(world, validate, serving):
    """Of a run of an older version, or whose objects were deleted; the gate looks again."""
    serving("flowers")
    aws.s3().delete_object(Bucket=BUCKET, Key="runs/other-0123456789ab-1/dataset/classes.json")

    assert validate()["NumClasses"] == 2


def test_a_critical_class_that_is_not_there_is_refused(world, validate, monkeypatch):
    """A mistyped name costs no training."""
    world.put_images("datasets/flowers/", rose=10, daisy=10)
    monkeypatch.setenv("CRITICAL_CLASSES", "rose:0.9,tullip:0.9")

    with pytest.raises(DatasetError, match="CriticalClasses names 'tullip', of which the dataset has no picture; "):
        validate()
