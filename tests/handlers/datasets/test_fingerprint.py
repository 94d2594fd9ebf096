"""handlers/datasets/fingerprint.py: one identity for one content in S3."""


def test_fingerprint_of_a_folder_ignores_marker_and_name(world):
    """The same files under another name, with or without _SUCCESS and folder markers, are the same content."""
    for name in ("one", "two"):
        world.put(f"datasets/{name}/daisy/1.jpg", "same")
    world.put("datasets/two/_SUCCESS", "")
    world.put("datasets/two/daisy/", "")

    one, two = (world.fingerprint(f"s3://retriever-data/datasets/{name}/") for name in ("one", "two"))

    assert one == two


def test_fingerprint_of_an_archive_changes_with_its_bytes(world):
    """Size and ETag of the one object."""
    world.put("datasets/a.zip", "one")
    before = world.fingerprint("s3://retriever-data/datasets/a.zip")
    world.put("datasets/a.zip", "two")

    assert world.fingerprint("s3://retriever-data/datasets/a.zip") != before
