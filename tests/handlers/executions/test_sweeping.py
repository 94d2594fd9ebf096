"""handlers/executions/sweeping.py: what no event announced is started once, and what starts nothing is told once."""

import json

import pytest
from moto.sns.models import sns_backends

from handlers import aws
from handlers.contract.errors import AwsThrottledError
from handlers.ledger import Arrival, Dataset
from tests.handlers.environment import ACCOUNT, BUCKET, REGION
from tests.handlers.stored import stored

SWEEP = {"Sweep": True}


@pytest.fixture
def only_by_marker(world, monkeypatch):
    """Let folders start by their marker alone."""
    monkeypatch.setenv("SETTLE_SECONDS", "0")


@pytest.fixture
def sweep(start):
    """Give a number of sweeps, one after the other."""

    def call(times=2):
        for _ in range(times):
            answer = start(SWEEP)
        return answer

    return call


def told():
    """Return subject and text of each notification."""
    topic = next(iter(sns_backends[ACCOUNT][REGION].topics.values()))
    return [(subject, text) for _, text, subject, *_ in topic.sent_notifications]


def input_of(world, name):
    arn = world.settings.execution_arn(name)
    return json.loads(aws.stepfunctions().describe_execution(executionArn=arn)["input"])


@pytest.mark.parametrize("key", ["flowers/_SUCCESS", "flowers.zip", "flowers.ZIP", "flowers.Tar.Gz"])
def test_a_dataset_that_no_event_announced_is_started(world, sweep, key):
    """The bucket's events were not delivered yet when it came; its second sweep starts it, and no later one does."""
    world.put(f"datasets/{key}")

    sweep(1)
    assert world.executions() == []
    sweep(3)

    (name,) = world.executions()
    assert input_of(world, name)["Trigger"] == {"Reason": "sweep"}


def test_an_announced_dataset_is_left_to_its_event(world, upload, end, sweep):
    """Whatever has become of its execution."""
    end(upload()["ExecutionName"], "FAILED")

    sweep(3)

    assert len(world.executions()) == 1


def test_a_dataset_that_failed_is_not_started_by_every_sweep(world, sweep, end):
    """It was started once, for what lies there."""
    world.put("datasets/flowers/_SUCCESS")
    sweep(2)
    end(world.executions()[0], "FAILED")

    sweep(3)

    assert len(world.executions()) == 1


def test_a_later_upload_without_an_event_is_started_too(world, upload, end, sweep):
    """The first upload's event came, the second one's was lost."""
    end(upload()["ExecutionName"], "FAILED")
    upload(content="2", deliver=False)

    sweep(2)

    assert len(world.executions()) == 2


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", None])
def test_an_event_that_comes_after_the_sweep_starts_nothing(world, upload, start, sweep, end, status):
    """Its upload was started on already, however that has ended."""
    payload = upload(deliver=False)
    sweep(2)
    if status:
        end(world.executions()[0], status)

    assert start(payload)["Started"] is False
    assert len(world.executions()) == 1


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", None])
def test_an_event_after_a_start_by_hand_starts_nothing(world, upload, start, end, status):
    """`deploy.py upload` asks for what no event has announced in time; neither event nor sweep repeats it."""
    payload = upload(deliver=False)
    name = start({"Reason": "manual", "Dataset": "flowers"})["ExecutionName"]
    if status:
        end(name, status)

    answers = [start(payload), start(SWEEP), start(SWEEP), start(SWEEP)]

    assert not any(answer["Started"] for answer in answers)
    assert world.executions() == [name]


def test_an_upload_after_a_failure_starts_again(world, upload, start, end):
    """It is another one, with the same content."""
    end(upload()["ExecutionName"], "FAILED")

    assert upload()["Started"] is True


def test_one_dataset_in_trouble_leaves_the_others(world, sweep, monkeypatch):
    """Step Functions throttles the first; the next sweep tries that again."""
    for name in ("birds", "flowers"):
        world.put(f"datasets/{name}/_SUCCESS")
    sweep(1)
    refused: list[str] = []

    def refuse_once(**arguments):
        if not refused:
            refused.append(arguments["name"])
            raise AwsThrottledError("StartExecution: ThrottlingException: slower; start again later")
        return original(**arguments)

    original = aws.stepfunctions().start_execution
    monkeypatch.setattr(aws.stepfunctions(), "start_execution", refuse_once)
    sweep(1)

    assert [name.split("-")[0] for name in world.executions()] == ["flowers"]
    assert not stored(Arrival, world.ledger, "datasets/birds/_SUCCESS").done_at


MISPLACED = {
    "no marker": ("datasets/pets/cat/1.jpg", "has no _SUCCESS beside its pictures (1)", "deploy.py start pets"),
    "zip inside": (
        "datasets/pets/pets.zip",
        "inside the folder",
        "aws s3 mv s3://retriever-data/datasets/pets/pets.zip",
    ),
    "zip at root": ("pets.zip", "at the root", "mv s3://retriever-data/pets.zip s3://retriever-data/datasets/pets.zip"),
    "folder at root": ("pets/_SUCCESS", "lies at the root", "--recursive s3://retriever-data/pets/"),
    "synchronised to the root": (
        "pets/cat/1.jpg",
        "lies at the root",
        "aws s3 mv --recursive s3://retriever-data/pets/ s3://retriever-data/datasets/pets/",
    ),
    "zip deep inside": (
        "datasets/pets/raw/2024/pets.ZIP",
        "inside the folder",
        "aws s3 mv s3://retriever-data/datasets/pets/raw/2024/pets.ZIP s3://retriever-data/datasets/pets.ZIP",
    ),
    "rar inside": ("datasets/pets/pets.rar", "holds no picture", "or pack them as .zip"),
    "documents": ("datasets/pets/list.pdf", "'datasets/pets/list.pdf' is no picture by name", "datasets/pets/CLASS/"),
    "readme": ("datasets/pets/README", "holds no picture", ".jpg"),
    "raw pictures": (
        "datasets/50%+ pets/cat/1.CR2",
        "holds no picture",
        "s3://retriever-data/datasets/50%+ pets/CLASS/",
    ),
    "tar": ("datasets/pets.tar", "packed in a way", ".tar.gz"),
    "rar": ("datasets/pets.RAR", "packed in a way", ".zip"),
    "picture": ("datasets/cat.jpg", "directly in datasets/", "datasets/NAME/CLASS/cat.jpg"),
    "picture at root": ("cat.JPG", "at the root", "datasets/NAME/CLASS/cat.JPG"),
    "name": ("datasets/pets-/_SUCCESS", "a letter or digit first and last", "name it otherwise"),
    "name of an archive": ("datasets/tva\u030a.zip", "in NFC", "name it"),
}


@pytest.mark.parametrize("case", MISPLACED)
@pytest.mark.usefixtures("only_by_marker")
def test_what_starts_nothing_is_told_once(world, sweep, case):
    """Where it is, why nothing starts, and what to do: kept for status, and sent to whoever subscribed."""
    key, why, command = MISPLACED[case]
    world.put(key)

    sweep(1)
    assert told() == []
    sweep(3)

    ((subject, text),) = told()
    (arrival,) = Arrival.all(world.ledger)
    assert subject == "retriever: 1 upload starts nothing"
    assert text == arrival.sentence
    assert why in text
    assert command in text
    assert world.executions() == []


def test_a_folder_of_documents_alone_is_told_of(world, sweep):
    """Where folders start by themselves, too: it would never start, and nobody would know."""
    for name in ("list.pdf", "notes.docx", "notes.txt", "sums.xlsx"):
        world.put(f"datasets/pets/{name}")

    sweep(2)

    ((_, text),) = told()
    assert text.startswith(
        "dataset 'pets' holds no picture, so nothing has started: 'datasets/pets/list.pdf', 'datasets/pets/notes.docx',"
        " 'datasets/pets/notes.txt' and 1 more are no picture by name; put pictures to"
    )


def test_documents_before_the_pictures_are_not_told_of(world, sweep, monkeypatch):
    """A listing begins with a thousand annotations; the pictures come after them."""
    monkeypatch.setattr("handlers.datasets.arrivals._FILES", 2)
    for number in range(5):
        world.put(f"datasets/pets/annotations/{number}.xml")
    world.put_images("datasets/pets/", cat=2)

    sweep(13)

    assert told() == []


@pytest.mark.usefixtures("only_by_marker")
def test_several_are_told_in_one_message(world, sweep):
    """However many a person has dropped."""
    for number in range(60):
        world.put(f"datasets/pets{number}/cat/1.jpg")

    sweep(2)

    ((subject, text),) = told()
    assert subject == "retriever: 60 uploads start nothing"
    assert text.endswith("and 10 more; see them all with `deploy.py status`")


@pytest.mark.usefixtures("only_by_marker")
def test_a_folder_that_still_grows_is_not_told_of(world, sweep):
    """Its upload has not ended; what stays the same has settled."""
    for number in range(3):
        world.put(f"datasets/pets/cat/{number}.jpg")
        sweep(1)

    assert told() == []


@pytest.mark.usefixtures("only_by_marker")
def test_a_folder_too_large_to_be_seen_is_given_an_hour(world, sweep, monkeypatch):
    """Of a thousand files the first page stays the same while the rest arrives."""
    monkeypatch.setattr("handlers.datasets.arrivals._FILES", 2)
    world.put_images("datasets/pets/", cat=3)

    sweep(11)
    assert told() == []
    sweep(1)

    assert "beside its pictures (at least 2)" in told()[0][1]


def test_what_was_put_right_is_forgotten(world, sweep, start):
    """The zip was moved: its dataset starts, and status says nothing of it any more."""
    world.put("pets.zip")
    sweep(2)
    aws.s3().delete_object(Bucket=BUCKET, Key="pets.zip")

    sweep(1)

    assert list(Arrival.all(world.ledger)) == []


@pytest.mark.parametrize(
    "key",
    [
        "inbox/new/1.jpg",
        "notes/README.md",
        "runs/x/model.tar.gz",
        "features/k/1.npy",
        "README.txt",
        ".DS_Store",
        "datasets/notes.md",
        "datasets/pets/",
        "datasets/pets/cat/",
        "datasets/pets/.DS_Store",
        "datasets/pets/@eaDir/list.pdf",
        "datasets/pets/_UPLOADING",
    ],
)
def test_what_is_no_data_is_not_told_of(world, sweep, key):
    """The stack's own files, and what a person may keep in the bucket."""
    world.put(key)

    sweep(3)

    assert (told(), list(Arrival.all(world.ledger))) == ([], [])


def test_a_notification_that_fails_is_sent_by_the_next_sweep(world, sweep, monkeypatch):
    """Nothing is noted as told before."""
    world.put("pets.zip")

    def refuse(**_):
        raise AwsThrottledError("Publish: Throttled: slower; start again later")

    with monkeypatch.context() as patch:
        patch.setattr(aws.sns(), "publish", refuse)
        sweep(2)
    sweep(1)

    assert len(told()) == 1


def test_a_folder_named_by_hand_needs_no_marker(world, start):
    """Who names it says that it is complete; of nothing there is nothing to start."""
    world.put("datasets/pets/cat/1.jpg")

    assert start({"Reason": "manual", "Dataset": "pets"})["Started"] is True
    assert "is not in the bucket" in start({"Reason": "manual", "Dataset": "birds"})["Reason"]


def test_datasets_of_an_older_version_are_left(world, upload, sweep):
    """Its rows do not say which object they are about: no reason to take the endpoint from another dataset."""
    world.put("datasets/birds/_SUCCESS")
    Dataset("birds", "s3://retriever-data/datasets/birds/", execution_name="birds-1").launch(world.ledger)

    sweep(3)

    assert world.executions() == []
