"""ops/prepare.py: the first deployment finds its layer and its images made."""

from ops import images, layer, prepare


def test_what_is_prepared_is_what_a_local_deployment_asks_for(monkeypatch):
    """Afterwards no other process is asked for images, and nothing is packed."""
    prepare.main()

    monkeypatch.setattr(layer, "zip_bytes", None)
    assert images.prefetch(prepare.REGION, *prepare.instance_types()) is None
    assert layer.layer_zip(prepare.REPOSITORY / "handlers" / "requirements.txt", for_this_machine=True)
