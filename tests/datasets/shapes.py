"""Shapes of datasets as people have them: upload, ValidateDataset and training are held to this one table."""

from collections.abc import Iterable

from tests.datasets.cases import Case


def _splits(pattern: str, **names: str) -> dict[str, str]:
    """Return the folders of both classes in each split, which is named so."""
    return {
        pattern.format(split=name, name=class_name): split
        for split, name in names.items()
        for class_name in ("rose", "tulip")
    }


def _beside(folders: Iterable[str], suffix: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{i}.{suffix}" for folder in folders for i in range(3))


def _table(pattern: str, split: str = "", count: int = 6) -> dict[str, tuple[str, str]]:
    """Return pictures that a table labels by turns."""
    return {pattern.format(i): (split, ("rose", "tulip")[i % 2]) for i in range(count)}


def _csv(header: str, row: str, count: int = 6) -> str:
    """Return a table; {0} is the picture's number, {1} its class."""
    return "\n".join([header, *(row.format(i, ("rose", "tulip")[i % 2]) for i in range(count))]) + "\n"


_PLAIN = {"rose": "", "tulip": ""}
_WRAPPED = {"flowers/rose": "", "flowers/tulip": ""}
_NFC, _NFD = "Bl\u00fcte", "Blu\u0308te"
_FOLDERS = (
    Case("splits", _splits("{split}/{name}", train="train", validation="valid", test="test")),
    Case("splits in capitals", _splits("{split}/{name}", train="Train", test="Test")),
    Case("splits in upper case", _splits("{split}/{name}", train="TRAIN", validation="VAL", test="TEST")),
    Case("validation spelled out", _splits("{split}/{name}", train="train", validation="validation")),
    Case(
        "splits as sentences",
        _splits("{split}/{name}", train="Training Data", validation="Validation Data", test="Hold-Out"),
    ),
    Case("dev and eval", _splits("{split}/{name}", train="training", validation="dev", test="testing")),
    Case("Kaggle training_set", _splits("{split}/{split}/{name}", train="training_set", test="test_set")),
    Case(
        "Kaggle seg_train",
        _splits("{split}/{split}/{name}", train="seg_train", test="seg_test"),
        stray=("seg_pred/seg_pred",),
    ),
    Case(
        "Kaggle copy in itself",
        _splits("chest/{split}/{name}", train="train", test="test"),
        top="chest/",
        stray=("chest/chest/train/rose", "chest/chest/train/tulip"),
        words="not read: 'chest', beside the splits",
    ),
    Case("splits at the end of names", _splits("flowers_{split}/{name}", train="train", test="test")),
    Case("years at the end of splits", _splits("{split}/{name}", train="train2017", validation="val2017")),
    Case("classes alone", _PLAIN),
    Case("wrapped classes", _WRAPPED, top="flowers/"),
    Case("wrapped splits", _splits("flowers/{split}/{name}", train="train", test="test"), top="flowers/"),
    Case("wrapped twice", _splits("a/b/{split}/{name}", train="Train", test="Test"), top="a/b/"),
    Case("wrapped beside a readme", _WRAPPED, others=("README.md", "LICENSE"), top="flowers/"),
    Case("wrapped beside annotations", _WRAPPED, others=("annotations/list.txt",), top="flowers/"),
    Case(
        "entries of folders",
        _WRAPPED,
        others=("flowers/", "flowers/rose/", "notes/a/b.txt", "notes/", "notes/a/"),
        top="flowers/",
    ),
    Case("an empty split", _PLAIN, others=("test/",)),
    Case(
        "images beside masks",
        {"pets/images/rose": "", "pets/images/tulip": ""},
        top="pets/images/",
        stray=("pets/annotations/trimaps",),
        others=("pets/annotations/list.txt",),
    ),
    Case(
        "images inside classes",
        {"rose/images": "", "tulip/images": ""},
        labels={"rose/images": "rose", "tulip/images": "tulip"},
    ),
    Case(
        "Tiny ImageNet",
        {"t/train/rose/images": "train", "t/train/tulip/images": "train"},
        top="t/",
        stray=("t/val/images", "t/test/images"),
        labels={"t/train/rose/images": "rose", "t/train/tulip/images": "tulip"},
        others=("t/words.txt", "t/train/rose/rose_boxes.txt"),
        words="not read: 'test/', 'val/', whose pictures are in no class folders",
    ),
    Case(
        "splits inside classes",
        {"rose/train": "train", "rose/test": "test", "tulip/train": "train", "tulip/test": "test"},
        labels={"rose/train": "rose", "rose/test": "rose", "tulip/train": "tulip", "tulip/test": "tulip"},
        words="each class has its own splits (rose/test/)",
    ),
    Case(
        "litter of macOS and Windows",
        _PLAIN,
        others=("rose/.DS_Store", "__MACOSX/rose/._1.jpg", "Thumbs.db", "rose/desktop.ini"),
    ),
    Case(
        "litter of Synology and Jupyter",
        _PLAIN,
        others=(
            "rose/@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg",
            "@eaDir/a.jpg",
            "rose/.ipynb_checkpoints/0-checkpoint.jpg",
            ".ipynb_checkpoints/x.ipynb",
            "#recycle/1.jpg",
        ),
    ),
    Case("notes beside the classes", _PLAIN, others=("notes.txt", "docs/about.pdf")),
    Case(
        "notes beside the classes of a split", _splits("{split}/{name}", train="train"), others=("train/labels/a.txt",)
    ),
    Case("a note beside each picture", _PLAIN, others=_beside(_PLAIN, "xml")),
    Case("folders in a class", _PLAIN, stray=("rose/more",)),
    Case(
        "a folder beside the splits",
        _splits("{split}/{name}", train="train"),
        stray=("extra/rose",),
        words="not read: 'extra'",
    ),
    Case("split folders twice", _splits("{split}/{split}/{name}", train="train", test="test")),
    Case(
        "two names of a split",
        _splits("{split}/{name}", train="train", validation="val") | _splits("valid/{name}", validation=""),
        words="read as one split: 'val/', 'valid/'",
    ),
    Case(
        "names in any script",
        {"Gänse blümchen": "", "ひまわり": "", "l'œillet": ""},
        classes=("Gänse blümchen", "l'œillet", "ひまわり"),
    ),
    Case(
        "a name spelled two ways",
        {f"train/{_NFC}": "train", f"test/{_NFD}": "test", "train/rose": "train"},
        classes=(_NFC, "rose"),
    ),
    Case(
        "a class called test",
        {"test": "", "other": ""},
        classes=("other", "test"),
        words="read as a class, though named as a split: 'test'",
    ),
)
_TABLES = (
    Case(
        "Hugging Face metadata.csv",
        {},
        labelled=_table("train/{0}.jpg", "train"),
        texts={"train/metadata.csv": _csv("file_name,label", "{0}.jpg,{1}")},
    ),
    Case(
        "Hugging Face metadata.jsonl",
        {},
        labelled=_table("{0}.jpg"),
        texts={
            "metadata.jsonl": _csv(
                '{"file_name": "none.jpg", "label": "rose"}', '{{"file_name": "{0}.jpg", "label": "{1}"}}'
            )
        },
        words="rows of 'metadata.jsonl' that name no picture: 1",
    ),
    Case(
        "labels.csv and images",
        {},
        labelled=_table("images/{0}.jpg"),
        others=("README.md",),
        texts={"labels.csv": _csv("id,breed", "{0},{1}")},
        words="classes from column 'breed'",
    ),
    Case(
        "Kaggle train.csv",
        {},
        labelled=_table("train_images/{0}.jpg", "train"),
        stray=("test_images",),
        texts={
            "train.csv": _csv("image_id;label", "{0}.jpg;{1}"),
            "sample_submission.csv": "image_id,label\n0.jpg,4\n",
        },
    ),
    Case(
        "a column of splits",
        {},
        labelled=_table("all/{0}.jpg", "train", 8) | {"all/8.jpg": ("test", "rose"), "all/9.jpg": ("test", "tulip")},
        texts={
            "data.tsv": _csv("path\tclass\tsubset", "all/{0}.jpg\t{1}\ttraining", 8)
            + "all/8.jpg\trose\ttest\nall/9.jpg\ttulip\ttest\n"
        },
    ),
    Case(
        "columns of 0 and 1",
        {},
        labelled=_table("train/{0}.jpg", "train"),
        texts={
            "train/_classes.csv": "filename,rose,tulip\n" + "".join(f"{i}.jpg,{1 - i % 2},{i % 2}\n" for i in range(6))
        },
    ),
    Case(
        "a table without names of columns",
        {},
        labelled=_table("{0}.jpg"),
        texts={"list.csv": _csv("0.jpg,rose", "{0}.jpg,{1}")},
    ),
    Case(
        "folders that are no classes",
        {},
        labelled=_table("part_1/{0}.jpg", count=4) | _table("flora_part_2/{0}x.jpg", count=4),
        texts={"flora_metadata.csv": _csv("lesion,image_id,dx", "{0},{0},{1}\n{0},{0}x,{1}", 4)},
    ),
    Case("a table that says what the folders say", _PLAIN, texts={"labels.csv": "index,name\n0,rose\n1,tulip\n"}),
    Case(
        "a table that numbers the folders",
        _PLAIN,
        texts={
            "labels.csv": "file,label\n"
            + "".join(f"{name}/{i}.jpg,{number}\n" for number, name in enumerate(_PLAIN) for i in range(3))
        },
    ),
    Case(
        "a table that contradicts itself",
        _PLAIN,
        texts={"labels.csv": "file,label\nrose/0.jpg,a\nrose/0.jpg,b\n"},
        words="picture 'rose/0.jpg' has two labels",
    ),
    Case(
        "a class whose pictures are not there",
        {},
        classes=None,
        labelled=_table("{0}.jpg"),
        texts={"metadata.csv": _csv("file_name,label", "{0}.jpg,{1}") + "lost.jpg,lily\n"},
        words="class 'lily' has no usable image",
    ),
    Case(
        "a table of boxes",
        {},
        classes=None,
        labelled=_table("images/{0}.jpg"),
        texts={"train.csv": _csv("image,xmin,xmax,class", "{0}.jpg,1,2,{1}")},
        words="holds boxes",
    ),
    Case(
        "a table with several columns",
        {},
        classes=None,
        labelled=_table("images/{0}.jpg"),
        texts={"train.csv": _csv("image,colour,kind", "{0}.jpg,{1},{1}")},
        words="columns that may be labels: 'colour', 'kind'",
    ),
)
_REFUSED = (
    Case("no classes", {}, classes=None, others=("1.jpg", "2.jpg"), words="no class folders"),
    Case("one class", {"rose": ""}, classes=None, words="class"),
    Case("no train", _splits("{split}/{name}", test="test"), classes=None, words="train"),
    Case("splits without classes", {"train": "", "test": ""}, classes=None, words="say nothing of what they show"),
    Case(
        "a class that train lacks", {"train/rose": "", "train/tulip": "", "test/lily": ""}, classes=None, words="lily"
    ),
    Case(
        "a class of notes alone",
        _splits("train/{name}", train=""),
        classes=None,
        others=("train/lily/a.doc",),
        words="'lily' has no usable",
    ),
    Case("an empty class", _PLAIN, classes=None, others=("lily/",), words="class 'lily' has no usable image"),
    Case(
        "COCO",
        {"train2017": "", "val2017": ""},
        classes=None,
        others=("annotations/instances_train2017.json",),
        words="COCO annotations",
    ),
    Case(
        "COCO by Roboflow",
        {"train": "", "valid": ""},
        classes=None,
        others=("train/_annotations.coco.json",),
        words="COCO annotations",
    ),
    Case(
        "YOLO",
        {"images/train": "", "images/val": ""},
        classes=None,
        others=("data.yaml", *_beside(("labels/train", "labels/val"), "txt")),
        words="YOLO labels",
    ),
    Case(
        "YOLO by Roboflow",
        {"train/images": "", "valid/images": ""},
        classes=None,
        others=("data.yaml", *_beside(("train/labels", "valid/labels"), "txt")),
        words="YOLO labels",
    ),
    Case(
        "Pascal VOC",
        {"VOC2012/JPEGImages": "", "VOC2012/SegmentationClass": ""},
        classes=None,
        others=_beside(("VOC2012/Annotations", "VOC2012/More"), "xml"),
        words="Pascal VOC annotations",
    ),
    Case("LabelMe", {"photos": ""}, classes=None, others=_beside(("photos",), "json"), words="LabelMe annotations"),
    Case("masks", {"images": "", "masks": ""}, classes=None, words="masks (3 of 6 pictures"),
)
CASES = (*_FOLDERS, *_TABLES, *_REFUSED)


def names(cases: Iterable[Case] = CASES) -> list[str]:
    return [case.name for case in cases]


def case_named(name: str) -> Case:
    """Return the case of that name."""
    return next(case for case in CASES if case.name == name)
