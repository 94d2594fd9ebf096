"""Whether containers have an /opt/ml of their own, and what is said where they have not."""

from pathlib import Path

from embedded_account.account import Account
from embedded_account.sagemaker.shared.opt_ml import OptMl

_REFUSAL = "unshare: Operation not permitted"
_NOT_FOUND = "FileNotFoundError: [Errno 2] No such file or directory: '/opt/ml/model/weights'"


def _refused(account: Account) -> OptMl:
    opt_ml = OptMl(account)
    opt_ml.refusal = _REFUSAL
    return opt_ml


def test_path_below_opt_ml_is_explained_where_there_is_none(bare_account: Account) -> None:
    """Whoever reads why a script failed learns the kernel's reason and the remedy."""
    remark = _refused(bare_account).remark(_NOT_FOUND)

    assert _REFUSAL in remark
    assert "SM_MODEL_DIR" in remark


def test_nothing_is_said_where_containers_have_their_own(bare_account: Account) -> None:
    """A file that is missing at /opt/ml is then the script's own matter."""
    opt_ml = OptMl(bare_account)
    opt_ml.refusal = ""

    assert opt_ml.remark(_NOT_FOUND) == ""


def test_end_of_a_longer_path_is_no_path_of_awss(bare_account: Account) -> None:
    """Without namespaces a container's folder has a path that ends in opt/ml, which is right."""
    assert _refused(bare_account).remark("no such file: '/tmp/jobs/algo-1/opt/ml/model/weights'") == ""


def test_containers_without_namespaces_see_their_real_folder(bare_account: Account, tmp_path: Path) -> None:
    """Nothing changes there: the command is the container's, and the folder is where it is."""
    opt_ml = _refused(bare_account)

    assert opt_ml.command(["train"], tmp_path) == ["train"]
    assert opt_ml.seen(tmp_path) == str(tmp_path)
