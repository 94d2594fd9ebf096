"""The journal of what the account has under way."""

from pathlib import Path

from embedded_account.journal import Entry, Journal


def test_unfinished_lists_what_began_and_did_not_end(tmp_path):
    """Only the training job is still under way."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.begin("stack", "shop")
    journal.begin("training job", "digits-1")
    journal.end("stack", "shop")

    assert Journal(tmp_path / "journal.jsonl").unfinished() == [Entry("training job", "digits-1")]


def test_a_line_cut_off_by_a_kill_is_passed_over(tmp_path):
    """A half-written last line loses that line and nothing before it."""
    path = tmp_path / "journal.jsonl"
    Journal(path).begin("endpoint", "shop")
    path.write_text(path.read_text() + '{"Began": tr')

    assert [str(entry) for entry in Journal(path).unfinished()] == ["endpoint 'shop'"]


def test_a_full_disk_stops_nothing_that_runs(caplog):
    """What cannot be noted is logged; a job that ends there still ends."""
    Journal(Path("/dev/full")).end("training job", "digits-1")

    assert "No space left on device" in caplog.text
